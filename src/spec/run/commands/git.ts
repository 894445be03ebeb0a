import { posix } from 'node:path';
import type { Placement } from '../run-reading.ts';
import { type Invocation, notRead, type Outcome, type Rule, type RunState, splitOptions } from '../run-state.ts';

const CLONE_FLAGS = [
  '-q',
  '--quiet',
  '-v',
  '--progress',
  '--single-branch',
  '--no-single-branch',
  '--recursive',
  '--recurse-submodules',
  '--no-tags',
  '--shallow-submodules',
  '--no-checkout',
  '-n',
];
const CLONE_VALUES = ['--depth', '-b', '--branch', '--filter', '-j', '--jobs', '--recurse-submodules', '-c'];
const FULL_HASH = /^[0-9a-f]{40}$/;

/** `git clone`, and the checkouts that follow it in the tree it made. */
export const git: Rule = (state, invocation) => {
  let words = invocation.words.map((word) => state.concrete(word));
  if (invocation.output !== undefined) return notRead('its output goes to a file');
  let cwd = state.cwd;
  while (words[0] === '-C' || words[0] === '-c') {
    if (words[0] === '-C') cwd = posix.resolve(cwd, words[1] ?? '');
    words = words.slice(2);
  }
  const [verb, ...rest] = words;
  switch (verb) {
    case 'clone':
      return clone(state, invocation, rest, cwd);
    case 'checkout':
    case 'switch':
    case 'reset':
      return checkout(state, verb, rest, cwd);
    case 'submodule':
      return submodules(state, rest, cwd);
    case 'lfs':
      return rest[0] === 'clone' ? clone(state, invocation, rest.slice(1), cwd) : lfs(state, rest, cwd);
    case 'fetch':
    case 'pull':
      return rootAt(state, cwd) === undefined
        ? notRead(`git ${verb}`)
        : { class: 'none', why: 'the whole history is looked at' };
    case 'config':
      return rest.includes('--global')
        ? { class: 'none', why: 'cogplan fetches trees by itself' }
        : notRead('git config');
    case '--version':
      return { class: 'none', why: 'it only prints' };
    default:
      return notRead(`git ${verb ?? ''}`.trim());
  }
};

function clone(state: RunState, { assignments }: Invocation, words: readonly string[], cwd: string): Outcome {
  const { unknown, flags, values, operands } = splitOptions(
    words,
    CLONE_FLAGS,
    CLONE_VALUES.filter((name) => name !== '--recurse-submodules'),
  );
  const [url, directory] = operands;
  if (unknown !== undefined || url === undefined || operands.length > 2)
    return notRead(`git clone with ${unknown ?? 'other operands'}`);
  if (!/^https?:\/\/[^\s]+$/.test(url)) return notRead('only trees by http and https are fetched');
  if (flags.has('-n') || flags.has('--no-checkout')) return notRead('git clone without a checkout');
  const name = posix.basename(url.replace(/\/+$/, '')).replace(/\.git$/, '');
  const path = posix.resolve(cwd, directory ?? name);
  if (state.at(path)?.git !== undefined || state.below(path).length > 0) return notRead(`${path} is there already`);
  const ref = values.get('--branch')?.at(-1) ?? values.get('-b')?.at(-1);
  if (ref?.startsWith('-') === true) return notRead('a branch that looks like an option');
  const recursive = flags.has('--recursive') || flags.has('--recurse-submodules');
  const pointers = assignments.some((item) => item.name === 'GIT_LFS_SKIP_SMUDGE' && item.value === '1');
  state.place({
    path,
    kind: 'directory',
    git: {
      url,
      ...(ref === undefined ? {} : { ref }),
      ...(recursive ? { submodules: true } : {}),
      ...(pointers ? { lfs: false } : {}),
    },
  });
  return { class: 'git', why: `locked by commit, placed at ${path}` };
}

function checkout(state: RunState, verb: string, words: readonly string[], cwd: string): Outcome {
  const root = rootAt(state, cwd);
  const { unknown, operands } = splitOptions(
    words,
    ['-q', '--quiet', '-f', '--force', '--detach', '--hard', '--recurse-submodules'],
    [],
  );
  const [ref] = operands;
  if (root?.git === undefined) return notRead('it is no tree that a line before it cloned');
  if (unknown !== undefined || ref === undefined || operands.length !== 1)
    return notRead(`git ${verb} with ${unknown ?? 'other operands'}`);
  if (verb === 'reset' && (!words.includes('--hard') || !FULL_HASH.test(ref))) return notRead('git reset');
  if (/^HEAD|[~^@{}:]/.test(ref)) return notRead(`git ${verb} ${ref}`);
  state.replace(root, { git: { ...root.git, ref: ref.replace(/^(?:origin|remotes\/origin)\//, '') } });
  return { class: 'git', why: `the commit of ${root.path}` };
}

function submodules(state: RunState, words: readonly string[], cwd: string): Outcome {
  const root = rootAt(state, cwd);
  if (root?.git === undefined || words[0] !== 'update' || !words.includes('--init')) return notRead('git submodule');
  if (words.some((word) => !['update', '--init', '--recursive', '-q', '--quiet'].includes(word)))
    return notRead('git submodule');
  state.replace(root, { git: { ...root.git, submodules: true } });
  return { class: 'git', why: `submodules of ${root.path}` };
}

function lfs(state: RunState, [verb]: readonly string[], cwd: string): Outcome {
  if (verb === 'install') return { class: 'none', why: 'files that LFS holds are fetched with their tree' };
  const root = rootAt(state, cwd);
  if (verb !== 'pull' || root?.git === undefined) return notRead('git lfs');
  const { lfs: _, ...rest } = root.git;
  state.replace(root, { git: rest });
  return { class: 'git', why: `files of ${root.path} that LFS holds` };
}

function rootAt(state: RunState, cwd: string): Placement | undefined {
  const tree = state.treeOf(cwd);
  return tree?.path === cwd ? tree : undefined;
}

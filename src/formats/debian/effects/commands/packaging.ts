import { compareDebianVersions } from '../../version.ts';
import type { AlternativeSlave } from '../effect.ts';
import { type Command, knownWords, parseOptions, type Shell } from '../shell.ts';
import type { Status } from '../status.ts';
import { UNKNOWN, type Value } from '../value.ts';

const updateAlternatives: Command = (shell, words) => {
  const action = words.find((word) => typeof word === 'string' && ACTIONS.test(word));
  if (action === '--install') return installAlternative(shell, knownWords(shell, words));
  if (action === undefined) return shell.fail('an alternative that is not understood');
  // Listing changes nothing, and what a fresh installation removes or resets is not there yet.
  shell.print(UNKNOWN);
  return 'unknown';
};

const ACTIONS = /^--(?:install|remove|remove-all|auto|list|query|display|get-selections)$/;

function installAlternative(shell: Shell, words: readonly string[]): Status {
  const slaves: AlternativeSlave[] = [];
  let master: { link: string; name: string; path: string; priority: number } | undefined;
  for (let index = 0; index < words.length; ) {
    const [option, link, name, path, priority] = words.slice(index, index + 5);
    if (option === '--quiet' || option === '--force' || option === '--verbose') index++;
    else if (link === undefined || name === undefined || path === undefined)
      return shell.fail('an alternative is cut off');
    else if (option === '--install' && priority !== undefined && /^-?\d+$/.test(priority)) {
      master = { link, name, path, priority: Number(priority) };
      index += 5;
    } else if (option === '--slave') {
      slaves.push({ link, name, path });
      index += 4;
    } else return shell.fail('an alternative that is not understood');
  }
  if (master === undefined) return shell.fail('an alternative that is not understood');
  for (const { link, name, path } of [master, ...slaves]) {
    if (!link.startsWith('/') || !path.startsWith('/') || !/^[^/\s]+$/.test(name)) {
      return shell.fail('an alternative that is not understood');
    }
  }
  shell.emit({ kind: 'alternative', ...master, slaves });
  return true;
}

const dpkg: Command = (shell, words) => {
  const [action, ...rest] = words.filter((word) => word !== '--' && word !== '--force-not-root');
  if (action === '--compare-versions') return compareVersions(shell, rest);
  if (action === '--print-architecture') {
    shell.print(`${shell.subject.architecture}\n`);
    return true;
  }
  if (
    typeof action === 'string' &&
    /^(?:-[sSLlVC]|--(?:status|search|listfiles|list|verify|audit|assert-\S+|get-selections|print-\S+|validate-\S+))$/.test(
      action,
    )
  ) {
    shell.print(UNKNOWN);
    return 'unknown';
  }
  return shell.fail('dpkg is called by a maintainer script');
};

/** An empty version is older than any, but newer for the operators in `-nl` (dpkg(1)). */
function compareVersions(shell: Shell, words: readonly Value[]): Status {
  const [left, operator, right] = words;
  if (typeof operator !== 'string' || typeof left !== 'string' || typeof right !== 'string') return 'unknown';
  const match = /^(?:(lt|le|eq|ne|ge|gt)(-nl)?|(<<|<=|=|>=|>>|<|>))$/.exec(operator);
  if (match === null) return shell.fail(`the comparison ${operator} is not known`);
  const relation = match[1] ?? RELATIONS[match[3] ?? ''] ?? 'eq';
  const latest = match[2] !== undefined;
  if (left === '' || right === '') return compareEmpty(left, relation, right, latest);
  const order = compareDebianVersions(left, right);
  return COMPARISONS[relation]?.(order) ?? 'unknown';
}

function compareEmpty(left: string, relation: string, right: string, latest: boolean): boolean {
  const rank = (text: string) => (text === '' ? (latest ? 1 : -1) : 0);
  return COMPARISONS[relation]?.(Math.sign(rank(left) - rank(right))) ?? false;
}

const RELATIONS: Readonly<Record<string, string>> = {
  '<<': 'lt',
  '<': 'le',
  '<=': 'le',
  '=': 'eq',
  '>=': 'ge',
  '>': 'ge',
  '>>': 'gt',
};

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  ge: (order) => order >= 0,
  gt: (order) => order > 0,
};

const TRIPLETS: Readonly<Record<string, string>> = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

const dpkgArchitecture: Command = (shell, words) => {
  const query = words.find((word) => typeof word === 'string' && word.startsWith('-q'));
  const multiarch = TRIPLETS[shell.subject.architecture];
  shell.print(query === '-qDEB_HOST_MULTIARCH' && multiarch !== undefined ? `${multiarch}\n` : UNKNOWN);
  return true;
};

const dpkgDivert: Command = (shell, words) => {
  const question = words.findIndex(
    (word) => typeof word === 'string' && /^--(?:list|listpackage|truename)$/.test(word),
  );
  if (question >= 0) {
    // Only a package that is there already could have diverted the file, and each one diverts its own.
    const subject = words[question + 1] ?? '';
    if (words[question] === '--truename') shell.print(typeof subject === 'string' ? `${subject}\n` : UNKNOWN);
    return true;
  }
  const { options, operands } = parseOptions(shell, words, {
    flags: ['--add', '--remove', '--rename', '--no-rename', '--quiet', '--local'],
    valued: ['--divert', '--package'],
  });
  const [path] = operands;
  if (path === undefined) return shell.fail('a diversion that is not understood');
  // A fresh tree has no diversion to take away.
  if (options.has('--remove')) return true;
  const by = options.has('--local') ? ':' : (options.get('--package')?.at(-1) ?? shell.subject.name);
  const to = options.get('--divert')?.at(-1) ?? `${path}.distrib`;
  shell.emit({ kind: 'diversion', path: shell.resolve(path), to: shell.resolve(to), by });
  return true;
};

const dpkgStatoverride: Command = (shell, words) => {
  if (words.includes('--list')) {
    // Nobody has overridden anything yet.
    return false;
  }
  const { options, operands } = parseOptions(shell, words, {
    flags: ['--add', '--update', '--quiet', '--force', '--force-all', '--force-statoverride-add', '--remove'],
  });
  if (options.has('--remove')) return true;
  const [owner, group, mode, path] = operands;
  if (owner === undefined || group === undefined || mode === undefined || path === undefined) {
    return shell.fail('an override that is not understood');
  }
  shell.emit({ kind: 'statoverride', owner, group, mode, path: shell.resolve(path) });
  return true;
};

/** Acts only when an older version was installed: dpkg-maintscript-helper(1). */
const maintscriptHelper: Command = (shell, [action]) => {
  const known = ['rm_conffile', 'mv_conffile', 'dir_to_symlink', 'symlink_to_dir', 'supports'];
  if (typeof action !== 'string' || !known.includes(action)) return shell.fail('an action that is not known');
  return true;
};

/** Puts a file of the package in place as configuration; a fresh tree has no edited one to merge with. */
const ucf: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, {
    flags: ['-p', '--purge', '--three-way', '--debconf-ok', '-n'],
    valued: ['--debconf-template', '--sum-file', '--src-dir', '--state-dir'],
  });
  if (options.has('-p') || options.has('--purge')) return true;
  const [from, to] = operands;
  if (from === undefined || to === undefined) return shell.fail('ucf without two files');
  shell.emit({ kind: 'copy', from: shell.resolve(from), to: shell.resolve(to) });
  shell.emit({ kind: 'mode', path: shell.resolve(to), mode: '644' });
  return true;
};

// What `git lfs install --system` of git-lfs 3.3 writes.
const LFS_FILTER = `[filter "lfs"]
\tclean = git-lfs clean -- %f
\tsmudge = git-lfs smudge -- %f
\tprocess = git-lfs filter-process
\trequired = true
`;

const git: Command = (shell, words) => {
  if (knownWords(shell, words).join(' ') !== 'lfs install --skip-repo --system') return shell.fail('a git command');
  shell.emit({ kind: 'file', path: '/etc/gitconfig', content: LFS_FILTER, append: true, mode: 0o644 });
  return true;
};

/** pkg-config 0.29 of bullseye: a cross wrapper for each architecture of dpkg, and there is one. */
const pkgConfigHook: Command = (shell, [action]) => {
  const triplet = TRIPLETS[shell.subject.architecture];
  if (action === 'remove') return true;
  if (action !== 'update' || triplet === undefined) return shell.fail('a hook that is not understood');
  shell.emit({
    kind: 'link',
    path: `/usr/bin/${triplet}-pkg-config`,
    target: '/usr/share/pkg-config-crosswrapper',
    force: false,
  });
  return true;
};

function generate(what: 'ldconfig' | 'ca-certificates' | 'pam' | 'shells' | 'gs-fontmap'): Command {
  return (shell) => {
    shell.emit({ kind: 'generate', what, arguments: [] });
    return true;
  };
}

export const PACKAGING_COMMANDS: Readonly<Record<string, Command>> = {
  dpkg,
  'dpkg-architecture': dpkgArchitecture,
  'dpkg-divert': dpkgDivert,
  'dpkg-maintscript-helper': maintscriptHelper,
  'dpkg-statoverride': dpkgStatoverride,
  git,
  ldconfig: generate('ldconfig'),
  'pam-auth-update': generate('pam'),
  ucf,
  ucfr: () => true,
  'update-alternatives': updateAlternatives,
  'add-shell': (shell, words) => {
    shell.emit({ kind: 'generate', what: 'shells', arguments: knownWords(shell, words) });
    return true;
  },
  'update-ca-certificates': generate('ca-certificates'),
  '/pkg-config-dpkghook': pkgConfigHook,
  'update-gsfontmap': generate('gs-fontmap'),
  'update-shells': generate('shells'),
};

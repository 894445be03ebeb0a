import { posix } from 'node:path';
import { knownAt } from '../knows.ts';
import type { Placement } from '../run-reading.ts';
import { notRead, type Outcome, type Rule, type RunState, splitOptions } from '../run-state.ts';
import { tellArchive } from './system.ts';

const file = (why: string): Outcome => ({ class: 'file', why });

export const makeDirectories: Rule = (state, { words, output }) => {
  const { unknown, values, operands } = splitOptions(words, ['-p', '--parents', '-v', '--verbose'], ['-m', '--mode']);
  const mode = values.get('-m')?.at(-1) ?? values.get('--mode')?.at(-1);
  if (unknown !== undefined || output !== undefined || operands.length === 0)
    return notRead(`mkdir with ${unknown ?? 'odd operands'}`);
  if (mode !== undefined && !/^0?[0-7]{3}$/.test(mode)) return notRead(`mkdir with mode ${mode}`);
  for (const operand of operands) {
    const path = state.resolve(operand);
    if (state.at(path) === undefined && !state.isDirectory(path)) {
      state.place({ path, kind: 'directory', ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }) });
    }
  }
  return file(`directory ${operands.map((item) => state.resolve(item)).join(', ')}`);
};

export const changeMode: Rule = (state, { words }) => {
  const [how = '', ...operands] = words;
  const targets = operands.map((operand) => state.at(state.resolve(operand)));
  if (/^-/.test(how) || targets.length === 0) return notRead('chmod with options');
  const changed: [Placement, number][] = [];
  for (const target of targets) {
    if (target === undefined || target.kind === 'symlink')
      return notRead('it changes the mode of something that no line before it placed');
    const mode = modeFrom(how, target.mode ?? (target.kind === 'directory' ? 0o755 : 0o644));
    if (mode === undefined) return notRead(`chmod ${how}`);
    changed.push([target, mode]);
  }
  for (const [target, mode] of changed) state.replace(target, { mode });
  return file(`mode of ${operands.join(', ')}`);
};

/** An octal mode, or `+x`, `a+x`, `u+x`, `755`; umask 022 holds back nothing that `+x` adds. */
function modeFrom(how: string, before: number): number | undefined {
  if (/^0?[0-7]{3}$/.test(how)) return Number.parseInt(how, 8);
  const match = /^([ugoa]*)([+-])([rwx]+)$/.exec(how);
  if (match === null) return undefined;
  const who = match[1] === '' || match[1]?.includes('a') ? 'ugo' : (match[1] ?? '');
  if (match[1] === '' && match[3]?.includes('w')) return undefined;
  let bits = 0;
  for (const [letter, shift] of [
    ['u', 6],
    ['g', 3],
    ['o', 0],
  ] as const) {
    if (!who.includes(letter)) continue;
    for (const [right, bit] of [
      ['r', 4],
      ['w', 2],
      ['x', 1],
    ] as const)
      if (match[3]?.includes(right)) bits |= bit << shift;
  }
  return match[2] === '+' ? before | bits : before & ~bits;
}

export const makeLink: Rule = (state, { words }) => {
  const { unknown, flags, operands } = splitOptions(
    words,
    ['-s', '--symbolic', '-f', '--force', '-n', '--no-dereference', '-v', '-T'],
    [],
  );
  const [target, name] = operands.map((operand) => state.concrete(operand));
  if (unknown !== undefined || !(flags.has('-s') || flags.has('--symbolic')))
    return notRead(unknown === undefined ? 'a hard link' : `ln with ${unknown}`);
  if (target === undefined || name === undefined || operands.length !== 2)
    return notRead('ln with other than two operands');
  let path = state.resolve(name);
  if (name.endsWith('/') || (state.isDirectory(path) && !flags.has('-T')))
    path = posix.join(path, posix.basename(target));
  if (!state.isKnownPlace(path)) return notRead(`what lies at ${path} is not known`);
  if (state.at(path) !== undefined && !(flags.has('-f') || flags.has('--force')))
    return notRead(`${path} is there already`);
  state.place({ path, kind: 'symlink', target });
  return file(`link ${path} to ${target}`);
};

export const moveFile: Rule = (state, { words }) => transfer(state, words, 'mv');
export const copyFile: Rule = (state, { words }) => transfer(state, words, 'cp');

function transfer(state: RunState, words: readonly string[], name: 'mv' | 'cp'): Outcome {
  const { unknown, operands } = splitOptions(
    words,
    ['-f', '--force', '-v', '-n', '-p', '-T'].concat(name === 'cp' ? ['-a', '-r', '-R'] : []),
    [],
  );
  const [from, to] = operands;
  if (unknown !== undefined || from === undefined || to === undefined || operands.length !== 2)
    return notRead(`${name} with ${unknown ?? 'other than two operands'}`);
  const source = state.at(state.resolve(from));
  if (source === undefined) return notRead(`it takes ${from}, which no line before it placed`);
  if (source.kind === 'directory' && (name === 'cp' || state.below(source.path).length > 0))
    return notRead(`${name} of a directory`);
  let path = state.resolve(to);
  const into = to.endsWith('/') || state.isDirectory(path);
  if (into) path = posix.join(path, posix.basename(source.path));
  if (!into && !state.isKnownPlace(path)) return notRead(`what lies at ${path} is not known`);
  if (name === 'mv') state.remove(source);
  const { kind, mode, url, text, target, git, unpack } = source;
  state.place({
    path,
    kind,
    ...(mode === undefined ? {} : { mode }),
    ...(url === undefined ? {} : { url }),
    ...(text === undefined ? {} : { text }),
    ...(target === undefined ? {} : { target }),
    ...(git === undefined ? {} : { git }),
    ...(unpack === undefined ? {} : { unpack }),
  });
  return file(`${name === 'mv' ? 'placed' : 'placed also'} at ${path}`);
}

/** Directories that hold nothing of an image that cogplan makes. */
const CACHES =
  /^(?:\/var\/lib\/apt\/lists|\/var\/cache\/apt|\/root\/\.(?:cache\/(?:pip|uv)|npm|conda\/pkgs|cargo\/registry)|\/tmp|\/var\/tmp)(?:\/|$)/;
/** Holds caches of its own, and what lines of the project put there. */
const CACHE_HOME = '/root/.cache';

export const removeFiles: Rule = (state, { words }) => {
  const { unknown, operands, flags } = splitOptions(words, ['-f', '--force', '-r', '-R', '--recursive', '-v'], []);
  if (unknown !== undefined || operands.length === 0) return notRead(`rm with ${unknown ?? 'no operands'}`);
  const paths = operands.map((operand) => state.resolve(operand));
  const recursive = ['-r', '-R', '--recursive'].some((flag) => flags.has(flag));
  const targets = new Set<Placement>();
  for (const path of paths) {
    if (/[*?[]/.test(path)) {
      const folder = posix.dirname(path);
      if (/[*?[]/.test(folder) || !isCache(folder)) return notRead('a word that only the shell can expand');
      const name = nameMatching(posix.basename(path));
      for (const item of state.below(folder))
        if (name.test(item.path.slice(folder.length + 1).split('/')[0] ?? '')) targets.add(item);
      continue;
    }
    const target = state.at(path);
    if (state.weights.some((weights) => path === `${weights.path}/.cache`)) continue;
    if (target === undefined && !isCache(path)) return notRead(`it removes ${path}, which no line before it placed`);
    if (target?.kind === 'directory' && !recursive) return notRead('rm of a directory');
    for (const item of [...(target === undefined ? [] : [target]), ...state.below(path)]) targets.add(item);
  }
  if (
    paths.some((path) =>
      state.weights.some((weights) => `${weights.path}/`.startsWith(`${path.replace(/\/\*$/, '')}/`)),
    )
  )
    return notRead('it removes weights that a line before it placed');
  for (const target of targets) state.remove(target);
  return targets.size === 0
    ? { class: 'none', why: 'no image holds this cache' }
    : file(`not placed: ${paths.join(', ')}`);
};

function isCache(path: string): boolean {
  return path === CACHE_HOME || CACHES.test(path);
}

/** A pattern of file names (XCU 2.13), without classes of characters. */
function nameMatching(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|\\[\]]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${pattern.startsWith('.') ? '' : '(?!\\.)'}${source}$`);
}

/** Start-up files of interactive shells, which no model reads. */
export function isShellStart(path: string): boolean {
  return /^\/root\/\.(?:bashrc|profile|bash_profile|zshrc)$/.test(path);
}

/** `echo TEXT > FILE`; without a file it only prints. */
export const echo: Rule = (state, { words, output }) => {
  if (output === undefined) return { class: 'none', why: 'it only prints' };
  const path = state.resolve(output.path);
  if (isShellStart(path)) return writeText(state, { path, text: '', append: output.append });
  const [first, ...rest] = words;
  const newline = first === '-n' ? '' : '\n';
  const text = (first === '-n' ? rest : words).join(' ') + newline;
  if (/\\/.test(text) || /^-[neE]+$/.test(first === '-n' ? (rest[0] ?? '') : (first ?? '')))
    return notRead('echo differs between shells here');
  return writeText(state, { path, text, append: output.append });
};

/** `printf FORMAT WORD… > FILE`. */
export const printf: Rule = (state, { words, output }) => {
  if (output === undefined) return { class: 'none', why: 'it only prints' };
  const text = formatted(words);
  if (text === undefined) return notRead('printf with a format');
  return writeText(state, { path: state.resolve(output.path), text, append: output.append });
};

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '\\': '\\' };
const MOST_TEXT = 1024 * 1024;

/** What `printf` prints (XCU printf), of `%s`, `%d` and plain escapes; the format is used until the words are. */
export function formatted([format, ...words]: readonly string[]): string | undefined {
  if (format === undefined || format.startsWith('-') || /%[^sd%]|\\[^nt\\]|%$|\\$/.test(format)) return undefined;
  const asked = (format.replaceAll('%%', '').match(/%[sd]/g) ?? []).length;
  if (asked === 0 && words.length > 0) return undefined;
  const rest = [...words];
  let text = '';
  let isOdd = false;
  do {
    text += format.replace(/%([sd%])|\\([nt\\])/g, (_, sign?: string, letter?: string) => {
      if (letter !== undefined) return ESCAPES[letter] ?? '';
      if (sign === '%') return '%';
      const word = rest.shift();
      if (sign === 'd' && !/^(?:0|-?[1-9]\d{0,14})$/.test(word ?? '0')) isOdd = true;
      return word ?? (sign === 'd' ? '0' : '');
    });
  } while (rest.length > 0 && text.length < MOST_TEXT);
  return isOdd || rest.length > 0 ? undefined : text;
}

/** `tee FILE <<END`. */
export const tee: Rule = (state, { words, input, output }) => {
  if (input === undefined || output !== undefined) return notRead('tee of what is not known');
  return teeInto(state, input, words);
};

/** Text that `tee` writes to its one file. */
export function teeInto(state: RunState, text: string, words: readonly string[]): Outcome {
  const append = words[0] === '-a' || words[0] === '--append';
  const [path, ...more] = append ? words.slice(1) : words;
  if (path === undefined || more.length > 0 || path.startsWith('-')) return notRead('a pipe to several files');
  return writeText(state, { path: state.resolve(path), text, append });
}

/** `cat > FILE <<END`; without a file it only prints. */
export const cat: Rule = (state, { words, input, output }) => {
  if (output === undefined) {
    return { class: 'none', why: 'it only prints', ...(words.length === 0 ? {} : { status: 'unknown' }) };
  }
  if (words.length > 0 || input === undefined) return notRead('it copies what no line before it placed');
  return writeText(state, { path: state.resolve(output.path), text: input, append: output.append });
};

/** Text at a path, or at the end of what a line before wrote there. */
export function writeText(
  state: RunState,
  { path, text: written, append }: { readonly path: string; readonly text: string; readonly append: boolean },
): Outcome {
  const text = state.concrete(written);
  if (isShellStart(path))
    return { class: 'none', why: 'only interactive shells read this file: name variables under environment' };
  if (/^\/etc\/apt\/sources\.list(?:$|\.d\/)/.test(path)) return tellArchive(state, 'a package archive');
  if (path.startsWith('/dev/')) return { class: 'none', why: 'it only prints' };
  if (/\/(?:pip\.conf|\.pydistutils\.cfg|uv\.toml)$/.test(path))
    state.warn(
      `what ${path} says is not read when packages are locked: write --extra-index-url among the requirements`,
    );
  if (append) {
    const before = state.at(path);
    if (before === undefined && knownAt(state, path) === 'absent') {
      state.place({ path, kind: 'file', text });
      return file(`written to ${path}`);
    }
    if (before?.text === undefined) return notRead(`what ${path} holds is not known`);
    state.replace(before, { text: before.text + text });
    return file(`a line more in ${path}`);
  }
  state.place({ path, kind: 'file', text });
  return file(`written to ${path}`);
}

/** `install -m MODE FILE PLACE`: a copy with a mode. */
export const install: Rule = (state, { words, output }) => {
  const { unknown, values, flags, operands } = splitOptions(
    words,
    ['-D', '-d', '-v', '-C'],
    ['-m', '--mode', '-o', '-g'],
  );
  const mode = values.get('-m')?.at(-1) ?? values.get('--mode')?.at(-1) ?? '755';
  const owners = [...(values.get('-o') ?? []), ...(values.get('-g') ?? [])];
  if (
    unknown !== undefined ||
    output !== undefined ||
    !/^0?[0-7]{3}$/.test(mode) ||
    owners.some((name) => !/^(?:root|0)$/.test(name))
  )
    return notRead(`install with ${unknown ?? 'other options'}`);
  if (flags.has('-d'))
    return makeDirectories(state, { name: 'mkdir', words: ['-p', '-m', mode, ...operands], assignments: [] });
  const [from, to, ...more] = operands;
  if (from === undefined || to === undefined || more.length > 0) return notRead('install of several files');
  const source = state.at(state.resolve(from));
  if (source === undefined || source.kind !== 'file')
    return notRead(`it takes ${from}, which no line before it placed`);
  const into = to.endsWith('/') || state.isDirectory(state.resolve(to));
  const path = into ? posix.join(state.resolve(to), posix.basename(source.path)) : state.resolve(to);
  const { order: _, from: __, where: ___, ...placing } = source;
  state.place({ ...placing, path, mode: Number.parseInt(mode, 8) });
  return file(`placed also at ${path}`);
};

export const touch: Rule = (state, { words }) => {
  if (words.some((word) => word.startsWith('-')) || words.length === 0) return notRead('touch with options');
  const paths = words.map((word) => state.resolve(word));
  if (paths.some((path) => state.at(path) === undefined && state.at(posix.dirname(path)) === undefined)) {
    return notRead('whether the file exists is not known');
  }
  for (const path of paths) if (state.at(path) === undefined) state.place({ path, kind: 'file', text: '' });
  return file(`empty file ${paths.join(', ')}`);
};

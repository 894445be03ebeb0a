import { type Command, knownWords, type Shell } from '../shell.ts';
import { concatValues, UNKNOWN, type Value } from '../value.ts';

/** Prints and succeeds or fails as nobody knows, and changes nothing. */
const read: Command = (shell) => {
  shell.print(UNKNOWN);
  return 'unknown';
};

const succeed: Command = () => true;

/** A reader that turns into a writer with some options. */
function readUnless(forbidden: RegExp): Command {
  return (shell, words) => {
    const bad = words.find((word) => typeof word === 'string' && forbidden.test(word));
    if (bad !== undefined) shell.fail(`${String(bad).slice(0, 60)} may change files`);
    return read(shell, words);
  };
}

const echo: Command = (shell, words) => {
  const newline = words[0] !== '-n';
  const shown = words.slice(words[0] === '-n' || words[0] === '-e' ? 1 : 0);
  shell.print(concatValues([...spaced(shown), newline ? '\n' : '']));
  return true;
};

const printf: Command = (shell, [format, ...values]) => {
  shell.print(typeof format === 'string' ? formatPrintf(format, values) : UNKNOWN);
  return true;
};

const cat: Command = (shell, words) => {
  const files = words.filter((word) => word !== '-');
  shell.print(files.length === 0 ? (shell.input ?? UNKNOWN) : UNKNOWN);
  return files.length === 0 ? true : 'unknown';
};

const which: Command = (shell, words) => {
  const names = words.filter((word) => typeof word !== 'string' || !word.startsWith('-'));
  const [name] = names;
  if (names.length !== 1 || typeof name !== 'string') return read(shell, words);
  const program = name.replace(/^.*\//, '');
  shell.print({ kind: 'program', name: program });
  return name.startsWith('/')
    ? { kind: 'path', path: shell.resolve(name), is: 'executable' }
    : { kind: 'program', name: program };
};

const command: Command = (shell, words) => {
  if (words[0] === '-v' || words[0] === '-V') return which(shell, words.slice(1));
  return shell.call(words);
};

/** Of base-passwd in every release; Essential, so that they are there before other packages are configured. */
const BASE_GROUPS: ReadonlySet<string> = new Set(
  (
    'root daemon bin sys adm tty disk lp mail news uucp man proxy kmem dialout fax voice cdrom floppy tape sudo audio dip www-data backup operator list ' +
    'irc src shadow utmp video sasl plugdev staff games users nogroup'
  ).split(' '),
);

const getent: Command = (shell, words) => {
  const [database, name] = knownWords(shell, words);
  const of = database === 'passwd' ? 'user' : database === 'group' ? 'group' : undefined;
  if (of !== undefined && name === undefined) {
    shell.print({ kind: 'accounts', of });
    return true;
  }
  if (of === undefined || name === undefined || /^\d+$/.test(name)) return read(shell, words);
  if (of === 'group' && BASE_GROUPS.has(name) && shell.subject.name !== 'base-passwd') {
    // Whoever its members are.
    shell.print({ kind: 'oneOf', values: [`${name}:x:`, `${name}:x::`] });
  } else shell.print({ kind: 'textWhen', fact: { kind: of, name } });
  return { kind: of, name };
};

const id: Command = (shell, words) => {
  const name = words.at(-1);
  if (typeof name !== 'string' || name.startsWith('-') || /^\d+$/.test(name)) return read(shell, words);
  shell.print({ kind: 'textWhen', fact: { kind: 'user', name } });
  return { kind: 'user', name };
};

const uname: Command = (shell, [option]) => {
  shell.print(option === undefined || option === '-s' ? 'Linux\n' : UNKNOWN);
  return true;
};

const ls: Command = (shell, words) => {
  const path = words.at(-1);
  shell.print(UNKNOWN);
  if (typeof path !== 'string' || !path.startsWith('/')) return 'unknown';
  return { kind: 'path', path: shell.resolve(path), is: 'there' };
};

/** A field of an account's line: none but the comment, the fifth, is ever empty. */
const cut: Command = (shell, words) => {
  const { input } = shell;
  const isOfAccount = typeof input === 'object' && input.kind === 'textWhen';
  const known = words.every((word) => typeof word === 'string');
  if (!isOfAccount || !known || !/^(?:-d ?: -f ?[1-467]|-f ?[1-467] -d ?:)$/.test(words.join(' ')))
    return read(shell, words);
  shell.print(input);
  return true;
};

const readVariables: Command = (shell, words) => {
  for (const word of words) if (typeof word === 'string' && !word.startsWith('-')) shell.setVariable(word, UNKNOWN);
  return 'unknown';
};

const mktemp: Command = (shell, words) => {
  shell.print(words.includes('-d') ? '/tmp/temporary-directory\n' : '/tmp/temporary-file\n');
  return true;
};

const changeDirectory: Command = (shell, [path]) => {
  shell.setVariable('PWD', typeof path === 'string' ? shell.resolve(path) : UNKNOWN);
  return typeof path === 'string' ? { kind: 'path', path: shell.resolve(path), is: 'directory' } : 'unknown';
};

const umask: Command = (shell, [mask]) => {
  if (mask !== undefined) shell.setVariable('\0umask', mask);
  else shell.print('0022\n');
  return true;
};

const LIBRARIES = /^\/usr\/share\/(?:debconf\/confmodule|dpkg\/sh\/dpkg-error\.sh)$/;

const source: Command = (shell, [file]) => {
  if (typeof file !== 'string' || !LIBRARIES.test(file)) return shell.fail('another script is read in');
  return true;
};

/** Perl is understood only where it is asked whether it runs. */
const perl: Command = (shell, [option, program]) => {
  if (option !== '-e' || program !== '') return shell.fail('a Perl program');
  return 'unknown';
};

const basename: Command = (shell, [path, suffix]) => {
  if (typeof path !== 'string' || (suffix !== undefined && typeof suffix !== 'string')) shell.print(UNKNOWN);
  else {
    const name = path.replace(/\/+$/, '').replace(/^.*\//, '');
    shell.print(`${suffix !== undefined && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name}\n`);
  }
  return true;
};

const dirname: Command = (shell, [path]) => {
  shell.print(
    typeof path === 'string' && path.lastIndexOf('/') > 0 ? `${path.slice(0, path.lastIndexOf('/'))}\n` : UNKNOWN,
  );
  return true;
};

const env: Command = (shell, words) => {
  const start = words.findIndex((word) => typeof word !== 'string' || !/^(?:-|[A-Za-z_]\w*=)/.test(word));
  return start < 0 ? read(shell, words) : shell.call(words.slice(start));
};

/** `find … -empty -delete` tidies directories of an older version away; anything else that acts on what it finds is a writer. */
const find: Command = (shell, words) => {
  if (words.includes('-delete') && words.includes('-empty')) return true;
  return readUnless(/^-(?:delete|exec|execdir|ok|okdir|fprint|fls)/)(shell, words);
};

const READERS = [
  'apt-config',
  'cksum',
  'cmp',
  'comm',
  'date',
  'diff',
  'df',
  'du',
  'expr',
  'file',
  'groups',
  'head',
  'hostname',
  'ischroot',
  'join',
  'ldd',
  'md5sum',
  'paste',
  'pidof',
  'pgrep',
  'ps',
  'readlink',
  'realpath',
  'dpkg-realpath',
  'runlevel',
  'seq',
  'sha1sum',
  'sha256sum',
  'sha512sum',
  'sleep',
  'stat',
  'tac',
  'tail',
  'tr',
  'tty',
  'uniq',
  'wc',
  'who',
  'whoami',
  'debconf-show',
  'getconf',
  'locale',
  'nproc',
  'rev',
  'strings',
  'zcat',
  'dpkg-query',
  'dpkg-vendor',
  'lsb_release',
  'systemd-detect-virt',
  'systemd-escape',
  'mountpoint',
  'findmnt',
  'type',
  'times',
] as const;

export const READING_COMMANDS: Readonly<Record<string, Command>> = {
  ...Object.fromEntries(READERS.map((name) => [name, read])),
  '.': source,
  ':': succeed,
  alias: (shell) => shell.fail('an alias'),
  awk: readUnless(/system\s*\(|print[^}]*>|^-i/),
  basename,
  cat,
  cd: changeDirectory,
  command,
  cut,
  dirname,
  echo,
  env,
  false: () => false,
  find,
  gawk: readUnless(/system\s*\(|print[^}]*>|^-i/),
  getent,
  id,
  ls,
  mawk: readUnless(/system\s*\(|print[^}]*>|^-i/),
  mktemp,
  perl,
  printf,
  pwd: read,
  read: readVariables,
  sed: readUnless(/^-[a-zA-Z]*i|^--in-place/),
  setup_colors: succeed,
  sort: readUnless(/^-o|^--output/),
  tempfile: mktemp,
  trap: succeed,
  true: succeed,
  ulimit: succeed,
  umask,
  uname,
  wait: succeed,
  which,
};

function spaced(values: readonly Value[]): readonly Value[] {
  return values.flatMap((value, index) => (index === 0 ? [value] : [' ', value]));
}

/** The format of printf(1) with `%s`, `%d`, `%%` and the usual escapes; other directives give an unknown string. */
function formatPrintf(format: string, values: readonly Value[]): Value {
  const queue = [...values];
  const parts: Value[] = [];
  do {
    for (const token of format.match(/%[^a-zA-Z%]*[a-zA-Z%]|\\[0-7]{1,4}|\\.|[^%\\]+|[%\\]/gs) ?? []) {
      if (token === '%%') parts.push('%');
      else if (token === '%s' || token === '%d') parts.push(queue.shift() ?? '');
      else if (token.startsWith('%')) return UNKNOWN;
      else if (token === '\\n') parts.push('\n');
      else if (token === '\\t') parts.push('\t');
      else if (token === '\\\\') parts.push('\\');
      else if (token.startsWith('\\')) return UNKNOWN;
      else parts.push(token);
    }
  } while (queue.length > 0 && queue.length < values.length);
  return concatValues(parts);
}

export function isTemporary(shell: Shell, path: string): boolean {
  return isTemporaryPath(shell.resolve(path));
}

/** Below what a running system mounts or empties at its start; but base-files' /run/lock belongs to the file hierarchy. */
export function isTemporaryPath(path: string): boolean {
  return /^\/(?:tmp|proc|sys|dev|run)\/(?!lock$)/.test(path);
}

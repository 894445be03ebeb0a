import { type Command, parseOptions, type Shell } from '../shell.ts';
import { isTemporary } from './reading.ts';

const mkdir: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, {
    flags: ['-p', '--parents', '-v', '-Z'],
    valued: ['-m', '--mode'],
  });
  const mode = checkedMode(shell, (options.get('-m') ?? options.get('--mode'))?.at(-1));
  const parents = options.has('-p') || options.has('--parents');
  for (const operand of lasting(shell, operands)) {
    shell.emit({ kind: 'directory', path: shell.resolve(operand), mode, parents });
  }
  return true;
};

const install: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, {
    flags: ['-d', '-D', '-p', '-v', '-c', '--directory', '--preserve-timestamps'],
    valued: ['-m', '-o', '-g', '--mode', '--owner', '--group'],
  });
  const last = (short: string, long: string) => (options.get(short) ?? options.get(long))?.at(-1);
  const mode = checkedMode(shell, last('-m', '--mode')) ?? '755';
  const owner = `${last('-o', '--owner') ?? ''}:${last('-g', '--group') ?? ''}`;
  if (options.has('-d') || options.has('--directory')) {
    for (const operand of lasting(shell, operands)) {
      const path = shell.resolve(operand);
      shell.emit({ kind: 'directory', path, mode, parents: true });
      if (owner !== ':') shell.emit({ kind: 'owner', path, owner });
    }
    return true;
  }
  const [from, to, ...others] = operands;
  if (from === undefined || to === undefined || others.length > 0) return shell.fail('install of several files');
  const path = target(shell, from, to);
  copy(shell, from, path);
  shell.emit({ kind: 'mode', path, mode });
  if (owner !== ':') shell.emit({ kind: 'owner', path, owner });
  return true;
};

const cp: Command = (shell, words) => {
  const { operands } = parseOptions(shell, words, {
    flags: ['-a', '-p', '-d', '-f', '-v', '-Z', '-P', '-L', '-u', '-n', '--preserve', '--archive'],
    valued: ['--preserve'],
  });
  const [from, to, ...others] = operands;
  if (from === undefined || to === undefined || others.length > 0) return shell.fail('cp of several files');
  if (!isTemporary(shell, to)) copy(shell, from, target(shell, from, to));
  return true;
};

/** A copy of /dev/null is an empty file. */
function copy(shell: Shell, from: string, to: string): void {
  const source = shell.resolve(from);
  if (source === '/dev/null') shell.emit({ kind: 'file', path: to, content: '', append: false, mode: 0o644 });
  else shell.emit({ kind: 'copy', from: source, to });
}

const mv: Command = (shell, words) => {
  const { operands } = parseOptions(shell, words, { flags: ['-f', '-n', '-v', '-T', '-i', '--no-clobber', '--force'] });
  const [from, to, ...others] = operands;
  if (from === undefined || to === undefined || others.length > 0) return shell.fail('mv of several files');
  shell.emit({ kind: 'move', from: shell.resolve(from), to: target(shell, from, to) });
  return true;
};

const ln: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, {
    flags: ['-s', '-f', '-n', '-v', '-T', '--symbolic', '--force', '--no-dereference'],
  });
  if (!options.has('-s') && !options.has('--symbolic')) return shell.fail('a hard link');
  const [to, given, ...others] = operands;
  if (to === undefined || others.length > 0) return shell.fail('ln of several files');
  const path = given === undefined ? shell.resolve(to.replace(/^.*\//, '')) : target(shell, to, given);
  shell.emit({ kind: 'link', path, target: to, force: options.has('-f') || options.has('--force') });
  return true;
};

const rm: Command = (shell, words) => {
  const globs = words.flatMap((word) => (typeof word !== 'string' && word.kind === 'glob' ? [word.pattern] : []));
  const rest = words.filter((word) => typeof word === 'string' || word.kind !== 'glob');
  const { options, operands } = parseOptions(shell, rest, {
    flags: ['-f', '-r', '-R', '-v', '-i', '-d', '--force', '--recursive', '--one-file-system'],
  });
  const recursive = ['-r', '-R', '--recursive'].some((name) => options.has(name));
  for (const operand of lasting(shell, operands)) {
    shell.emit({ kind: 'remove', path: shell.resolve(operand), recursive, pattern: false });
  }
  for (const glob of lasting(shell, globs)) {
    shell.emit({ kind: 'remove', path: shell.resolve(glob), recursive, pattern: true });
  }
  return true;
};

/** Only ever removes empty directories, so whatever a package or a script put into the tree stays. */
const rmdir: Command = (shell, words) => {
  const { operands } = parseOptions(shell, words, {
    flags: ['-p', '-v', '--parents', '--ignore-fail-on-non-empty'],
  });
  for (const operand of operands) {
    shell.emit({ kind: 'remove', path: shell.resolve(operand), recursive: false, pattern: false });
  }
  return true;
};

const chmod: Command = (shell, words) => {
  // A symbolic mode such as -x looks like an option.
  const { options, operands } = parseOptions(shell, words, {
    flags: ['-f', '-v', '-c', '-R', '--quiet', '--silent', '--recursive'],
    valued: ['--reference'],
  });
  if (options.has('--reference')) return shell.fail('a mode taken from another file');
  const [mode, ...paths] = operands;
  if (mode === undefined) return shell.fail('chmod without a mode');
  for (const path of lasting(shell, paths)) {
    shell.emit({
      kind: 'mode',
      path: shell.resolve(path),
      mode: checkedMode(shell, mode) ?? mode,
      ...recursion(options),
    });
  }
  return true;
};

function changeOwner(prefix: string): Command {
  return (shell, words) => {
    const { options, operands } = parseOptions(shell, words, {
      flags: ['-f', '-h', '-v', '-c', '-R', '--no-dereference', '--quiet', '--silent', '--recursive'],
      valued: ['--reference'],
    });
    if (options.has('--reference')) return shell.fail('an owner taken from another file');
    const [owner, ...paths] = operands;
    if (owner === undefined || !/^[\w.:-]+$/.test(owner)) return shell.fail('an owner that is not understood');
    for (const path of lasting(shell, paths)) {
      shell.emit({ kind: 'owner', path: shell.resolve(path), owner: `${prefix}${owner}`, ...recursion(options) });
    }
    return true;
  };
}

const touch: Command = (shell, words) => {
  // Times are one constant, so a touch that only sets them does nothing.
  if (words.some((word) => typeof word === 'string' && TIMES_ONLY.test(word))) return true;
  const { operands } = parseOptions(shell, words, {
    flags: ['-a', '-m'],
    valued: ['-r', '-d', '-t', '--reference', '--date'],
  });
  const mask = shell.getVariable('\0umask');
  const mode = 0o666 & ~(typeof mask === 'string' ? Number.parseInt(mask || '022', 8) : 0o022);
  for (const operand of lasting(shell, operands)) shell.emit({ kind: 'touch', path: shell.resolve(operand), mode });
  return true;
};

const TIMES_ONLY = /^(?:-c|-h|--no-create|--no-dereference)$/;

export const FILE_COMMANDS: Readonly<Record<string, Command>> = {
  chgrp: changeOwner(':'),
  chmod,
  chown: changeOwner(''),
  cp,
  install,
  ln,
  mkdir,
  mv,
  rm,
  rmdir,
  sync: () => true,
  touch,
};

function recursion(options: ReadonlyMap<string, unknown>): { readonly recursive?: true } {
  return options.has('-R') || options.has('--recursive') ? { recursive: true } : {};
}

/** Below /tmp, /run and the like nothing lasts until the image. */
function lasting(shell: Shell, paths: readonly string[]): readonly string[] {
  return paths.filter((path) => !isTemporary(shell, path));
}

function target(shell: Shell, from: string, to: string): string {
  return shell.resolve(to.endsWith('/') || to === '.' ? `${to}/${from.replace(/^.*\//, '')}` : to);
}

function checkedMode(shell: Shell, mode: string | undefined): string | undefined {
  if (mode === undefined) return undefined;
  return /^(?:[0-7]{1,5}|[ugoa]*[-+=][rwxXst]*(?:,[ugoa]*[-+=][rwxXst]*)*)$/.test(mode)
    ? mode
    : shell.fail(`the mode ${mode} is not understood`);
}

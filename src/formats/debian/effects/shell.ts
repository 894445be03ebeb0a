import type { Action } from './effect.ts';
import type { Status } from './status.ts';
import type { Value } from './value.ts';

/** What is installed, and the way its script is called. */
export interface ScriptSubject {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly suite: string;
  /** The script's own path, `$0`. */
  readonly scriptPath: string;
  /** Answers to debconf questions: the defaults of the package's templates, and what its scripts set. */
  readonly answers: Map<string, Value>;
}

/** What a command may do to the interpreter that reads the script. */
export interface Shell {
  readonly subject: ScriptSubject;
  /** False on a branch that is only perhaps taken. */
  readonly certain: boolean;
  emit(action: Action): void;
  /** Appends to standard output. */
  print(value: Value): void;
  /** Standard output is the content of a generated cache, which is left out on purpose. */
  printSkipped(what: string): void;
  getVariable(name: string): Value;
  setVariable(name: string, value: Value): void;
  /** An absolute path; relative ones start at the current directory, if it is known. */
  resolve(path: string): string;
  /** The package's files are not there yet. */
  readonly beforeUnpacking: boolean;
  /** What the command reads, where that is a here-document or the output of the command before it in a pipeline. */
  readonly input: Value | undefined;
  /** Runs another command line, as `env`, `command` and `su` do. */
  call(words: readonly Value[]): Status;
  fail(reason: string): never;
}

export type Command = (shell: Shell, words: readonly Value[]) => Status;

/** Arguments as strings; a statement with an argument that is not known is not understood. */
export function knownWords(shell: Shell, words: readonly Value[]): readonly string[] {
  return words.map((word) => (typeof word === 'string' ? word : shell.fail('an argument is not known')));
}

export interface ParsedOptions {
  readonly options: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
}

/**
 * Splits words into options and operands, GNU style. `flags` take no value, `valued` take one (`-m 755`, `-m755`,
 * `--mode=755`). An option in neither is not understood.
 */
export function parseOptions(
  shell: Shell,
  words: readonly Value[],
  known: { readonly flags: readonly string[]; readonly valued?: readonly string[] },
): ParsedOptions {
  const options = new Map<string, string[]>();
  const operands: string[] = [];
  const valued = known.valued ?? [];
  const queue = [...knownWords(shell, words)];
  const add = (name: string, value: string) => options.set(name, [...(options.get(name) ?? []), value]);
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      operands.push(...queue);
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      continue;
    }
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = equals < 0 ? word : word.slice(0, equals);
      if (valued.includes(name)) {
        add(name, equals < 0 ? (queue.shift() ?? shell.fail(`${name} needs a value`)) : word.slice(equals + 1));
      } else if (equals < 0 && known.flags.includes(name)) add(name, '');
      else shell.fail(`the option ${name} is not known`);
      continue;
    }
    for (let index = 1; index < word.length; index++) {
      const name = `-${word[index] ?? ''}`;
      if (valued.includes(name)) {
        const rest = word.slice(index + 1);
        add(name, rest === '' ? (queue.shift() ?? shell.fail(`${name} needs a value`)) : rest);
        break;
      }
      if (!known.flags.includes(name)) shell.fail(`the option ${name} is not known`);
      add(name, '');
    }
  }
  return { options, operands };
}

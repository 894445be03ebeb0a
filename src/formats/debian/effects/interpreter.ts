import { COMMANDS } from './commands/commands.ts';
import { isTemporaryPath } from './commands/reading.ts';
import { evaluateTest } from './commands/test-expression.ts';
import type { Action, Effect, Guard } from './effect.ts';
import { type ExpansionHost, expandFields, expandPattern, expandWord } from './expand.ts';
import { PathState, type ScopeKind } from './path-state.ts';
import { ScriptOutput } from './script-output.ts';
import type { ScriptSubject, Shell } from './shell.ts';
import { parseShell } from './shell-parse.ts';
import {
  type AndOr,
  type CaseCommand,
  type Command,
  type ForCommand,
  type List,
  type Pipeline,
  type Place,
  type Redirect,
  type SimpleCommand,
  Unrecognised,
  type Word,
} from './shell-syntax.ts';
import { either, negate, type Status } from './status.ts';
import { concatValues, matchesPattern, sameValue, UNKNOWN, type Value } from './value.ts';

const MAX_STEPS = 50_000;
const MAX_CALLS = 40;
const UNGUARDED: Guard = { all: [], none: [] };

export interface InterpreterOptions {
  readonly variables: Readonly<Record<string, string>>;
  /** `preinst`, `config` or `postinst`. */
  readonly script: string;
  /** Read by bash, not by dash. */
  readonly isBash: boolean;
}

/**
 * Reads a shell script the way a fresh installation runs it, without running anything: branches whose condition is known are
 * decided, branches on facts about the tree become guarded effects, and an effect that hangs on anything else, or a command
 * that is not known, ends the reading with `Unrecognised`. Paths that end in a non-zero exit are never taken by an
 * installation that succeeds.
 */
export class Interpreter {
  readonly #path = new PathState();
  readonly #subject: ScriptSubject;
  readonly #beforeUnpacking: boolean;
  readonly #isBash: boolean;
  readonly #script: string;
  #parameters: readonly Value[];
  readonly #output = new ScriptOutput(this.#path);
  #lastSubstitution: Status | undefined;
  /** What the next command reads, when it stands in a pipeline. */
  #piped: Value | undefined;
  #place: Place = { line: 1, offset: 0, text: '' };
  #steps = 0;
  #calls = 0;

  constructor(
    subject: ScriptSubject,
    parameters: readonly string[],
    { variables, script, isBash }: InterpreterOptions,
  ) {
    this.#subject = subject;
    this.#script = script;
    this.#beforeUnpacking = script === 'preinst';
    this.#isBash = isBash;
    this.#host = this.#newHost();
    this.#parameters = parameters;
    for (const [name, value] of Object.entries(variables)) this.#path.variables.set(name, value);
  }

  /** The effects of the script, in order. */
  run(list: List): readonly Effect[] {
    this.#path.within('script', () => this.#runList(list));
    return this.#path.effects;
  }

  #runList(list: List): Status {
    let status: Status = true;
    for (const item of list) {
      if (this.#path.stopped()) return status;
      status = this.#runAndOr(item);
    }
    return status;
  }

  #runAndOr({ first, rest }: AndOr): Status {
    let status = this.#runPipeline(first);
    for (const { operator, pipeline } of rest) {
      if (this.#path.stopped()) return status;
      const before = status;
      const goesOn = operator === '&&' ? before : negate(before);
      const result: Status = this.#path.branch(
        goesOn,
        () => this.#runPipeline(pipeline),
        () => operator === '||',
      );
      status = result;
    }
    return status;
  }

  #runPipeline({ negated, commands }: Pipeline): Status {
    const [only, ...others] = commands;
    if (only === undefined) return !negated;
    const status = others.length === 0 ? this.#runCommand(only) : this.#runStages(commands);
    return negated ? negate(status) : status;
  }

  #runStages(commands: readonly Command[]): Status {
    let piped: Value | undefined;
    const results = commands.map((command, index) => {
      this.#piped = piped;
      const stage = () => this.#path.within('subshell', () => this.#runCommand(command));
      if (index === commands.length - 1) return stage();
      const { result, values } = this.#output.capture(stage);
      piped = concatValues(values);
      return result;
    });
    this.#piped = undefined;
    // `getent group shadow | grep -q …:42`: an account is made by one package only, so it is there or as it must be.
    const [first] = results;
    if (typeof first === 'object' && (first.kind === 'user' || first.kind === 'group')) return first;
    return results.at(-1) ?? true;
  }

  #runCommand(command: Command): Status {
    if (++this.#steps > MAX_STEPS) throw new Unrecognised(command.place, 'the script is too long');
    this.#place = command.place;
    const piped = this.#piped;
    this.#piped = undefined;
    if (command.kind === 'simple') return this.#unlessUnread(() => this.#runSimple(command, piped));
    if (command.kind === 'function') {
      this.#path.functions.set(command.name, command.body);
      return true;
    }
    return this.#redirected(command.redirects, command.place, () => this.#runCompound(command));
  }

  /**
   * A statement that is not understood is passed over where it only runs if something is there that need not be: the effect that is left says what
   * must be missing.
   */
  #unlessUnread(work: () => Status): Status {
    const { guard, paths } = this.#path.premises();
    if (paths.length === 0) return work();
    const before = {
      position: this.#path.position(),
      output: this.#output.mark(),
      parameters: this.#parameters,
      calls: this.#calls,
    };
    const variables = new Map(this.#path.variables);
    const count = this.#path.effects.length;
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Unrecognised) || this.#steps > MAX_STEPS) throw error;
      this.#path.returnTo(before.position);
      this.#output.returnTo(before.output);
      this.#parameters = before.parameters;
      this.#calls = before.calls;
      this.#path.variables = variables;
      this.#path.effects.length = count;
      const { line, text } = error.place;
      this.#path.addOnce({ kind: 'unread', paths, script: this.#script, line, text, reason: error.message }, guard);
      return 'unknown';
    }
  }

  #runCompound(command: Exclude<Command, SimpleCommand | { kind: 'function' }>): Status {
    switch (command.kind) {
      case 'group':
        return this.#runList(command.body);
      case 'subshell':
        return this.#subshell(() => this.#runList(command.body));
      case 'if':
        return this.#runIf(command.clauses, command.otherwise);
      case 'case':
        return this.#runCase(command);
      case 'for':
        return this.#runFor(command);
      case 'while': {
        const again = this.#runList(command.condition);
        if (again === command.until || this.#path.stopped()) return true;
        this.#runUnknownLoop(() => {
          this.#runList(command.body);
          if (!this.#path.stopped()) this.#runList(command.condition);
        });
        return 'unknown';
      }
    }
  }

  #runIf(clauses: readonly { condition: List; body: List }[], otherwise: List): Status {
    const [clause, ...rest] = clauses;
    if (clause === undefined) return this.#runList(otherwise);
    const condition = this.#runList(clause.condition);
    if (this.#path.stopped()) return condition;
    return this.#path.branch(
      condition,
      () => this.#runList(clause.body),
      () => this.#runIf(rest, otherwise),
    );
  }

  #runCase({ subject, items }: CaseCommand): Status {
    const value = expandWord(this.#host, subject);
    const from = (start: number): Status => {
      const item = items[start];
      if (item === undefined) return true;
      let matches: Status = false;
      for (const pattern of item.patterns) matches = either(matches, this.#matchesCase(value, pattern));
      return this.#path.branch(
        matches,
        () => this.#runList(item.body),
        () => from(start + 1),
      );
    };
    return from(0);
  }

  #matchesCase(value: Value, pattern: CaseCommand['subject']): Status {
    const tokens = expandPattern(this.#host, pattern);
    if (tokens === undefined) return 'unknown';
    if (tokens.length > 0 && tokens.every(({ kind }) => kind === 'run')) return true;
    if (typeof value === 'string') return matchesPattern(tokens, value);
    if (value.kind !== 'oneOf') return 'unknown';
    const results = new Set(value.values.map((choice) => matchesPattern(tokens, choice)));
    return results.size === 1 ? results.has(true) : 'unknown';
  }

  #runFor({ name, words, body }: ForCommand): Status {
    const fields = words === undefined ? this.#parameters : expandFields(this.#host, words);
    return this.#path.within('loop', () => {
      for (const field of fields) {
        if (this.#path.stopped()) break;
        const run = (value: Value): Status => {
          this.#path.variables.set(name, value);
          return this.#runList(body);
        };
        const runAny = (): void => this.#runUnknownLoop(() => run(UNKNOWN));
        if (typeof field === 'string') this.#path.within('iteration', () => run(field));
        else if (field.kind === 'glob') this.#whereMatched(field.pattern, { run, runAny });
        else runAny();
      }
      return true;
    });
  }

  /** A pattern that nothing fits stands for itself (XCU 2.6.6). */
  #whereMatched(pattern: string, { run, runAny }: { run: (value: Value) => Status; runAny: () => void }): void {
    const directory = pattern.replace(/[^/]*$/, '');
    const base = this.#path.variables.get('PWD') ?? '/';
    if (/[*?[]/.test(directory) || (typeof base !== 'string' && !pattern.startsWith('/'))) {
      runAny();
      return;
    }
    const path = resolvePath(pattern, typeof base === 'string' ? base : '/');
    this.#path.branch(
      { kind: 'path', path, is: 'matched' },
      () => {
        runAny();
        return true;
      },
      () => this.#path.within('iteration', () => run(pattern)),
    );
  }

  /** A body that runs nobody knows how often: once with what is known, and once without what it changes. */
  #runUnknownLoop(body: () => void): void {
    this.#path.within('loop', () =>
      this.#path.branch(
        'unknown',
        () => {
          const before = new Map(this.#path.variables);
          for (let pass = 0; pass < 2 && !this.#path.stopped(); pass++) {
            this.#path.within('iteration', () => {
              body();
              return true;
            });
            for (const [name, value] of this.#path.variables) {
              if (!sameValue(before.get(name), value)) this.#path.variables.set(name, UNKNOWN);
            }
          }
          return true;
        },
        () => true,
      ),
    );
  }

  #runSimple(command: SimpleCommand, piped: Value | undefined): Status {
    if (isDeclaration(command)) return this.#declare(command);
    const words = expandFields(this.#host, command.words);
    const [first, ...args] = words;
    if (first === undefined) return this.#runAssignments(command);
    if (first === 'exec' && args.length === 0) return true;
    const saved = command.assignments.map(({ name }) => [name, this.#path.variables.get(name)] as const);
    for (const { name, value } of command.assignments) this.#assign(name, value);
    const document = command.redirects.findLast(({ operator }) => operator === '<<');
    const input = document === undefined ? piped : expandWord(this.#host, document.target);
    const status = this.#redirected(command.redirects, command.place, () =>
      this.#call(first, args, { place: command.place, input }),
    );
    for (const [name, value] of saved) {
      if (value === undefined) this.#path.variables.delete(name);
      else this.#path.variables.set(name, value);
    }
    return status;
  }

  #runAssignments({ assignments, redirects, place }: SimpleCommand): Status {
    let status: Status = true;
    for (const { name, value } of assignments) {
      this.#lastSubstitution = undefined;
      this.#assign(name, value);
      status = this.#lastSubstitution ?? status;
    }
    return this.#redirected(redirects, place, () => status);
  }

  #assign(name: string, word: Word): void {
    // A substitution in the word replaces the map of variables, so the value comes first.
    const value = expandWord(this.#host, word);
    this.#path.variables.set(name, value);
  }

  #call(first: Value, args: readonly Value[], { place, input }: { place: Place; input: Value | undefined }): Status {
    if (typeof first !== 'string') return this.#callOneOf(first, args, place);
    const body = this.#path.functions.get(first);
    if (body === 'ambiguous') throw new Unrecognised(place, `the function ${first} has two definitions`);
    if (body !== undefined) return this.#callFunction(body, args, place);
    const control = this.#runControl(first, args, place);
    if (control !== undefined) return control;
    const shell = this.#shell(place, input);
    if (first === 'test' || first === '[') {
      return evaluateTest(shell, first === '[' ? args.slice(0, -1) : args);
    }
    const command = COMMANDS.get(first.replace(/^\/(?:usr\/(?:local\/)?)?s?bin\//, ''));
    const found = command ?? (first.includes('/') ? COMMANDS.get(first.replace(/^.*\//, '/')) : undefined);
    if (found === undefined) throw new Unrecognised(place, `the command ${first} is not known`);
    return found(shell, args);
  }

  #callOneOf(first: Exclude<Value, string>, args: readonly Value[], place: Place): Status {
    const choices = first.kind === 'oneOf' ? first.values : first.kind === 'program' ? [first.name] : [];
    if (choices.length === 0) throw new Unrecognised(place, 'the name of the command is not known');
    return this.#path.branch(
      'unknown',
      () => {
        for (const choice of choices) {
          // An unquoted parameter may hold a command with its first arguments.
          const [name, ...more] = choice.split(/[ \t\n]+/).filter((word) => word !== '');
          if (name !== undefined) this.#call(name, [...more, ...args], { place, input: undefined });
        }
        return 'unknown';
      },
      () => 'unknown',
    );
  }

  #callFunction(body: Command, args: readonly Value[], place: Place): Status {
    if (++this.#calls > MAX_CALLS) throw new Unrecognised(place, 'functions call each other too deeply');
    const parameters = this.#parameters;
    this.#parameters = args;
    const status = this.#path.within('function', () => this.#runCommand(body));
    this.#parameters = parameters;
    this.#calls--;
    this.#place = place;
    return status;
  }

  /** Builtins that change the flow of control or the interpreter itself. */
  #runControl(name: string, args: readonly Value[], place: Place): Status | undefined {
    switch (name) {
      case 'exit':
        this.#leave(['subshell', 'script'], args[0], place);
        return true;
      case 'return':
        this.#leave(['function', 'script'], args[0], place);
        return true;
      case 'break':
        return this.#leaveLoop('loop', place);
      case 'continue':
        return this.#leaveLoop('iteration', place);
      case 'eval':
        return this.#evaluate(args, place);
      case 'shift':
        this.#parameters = this.#parameters.slice(typeof args[0] === 'string' ? Number(args[0]) : 1);
        return true;
      case 'set': {
        const operands = args[0] === '--' ? args.slice(1) : undefined;
        if (operands !== undefined) this.#parameters = operands;
        else if (typeof args[0] === 'string' && !/^[-+]/.test(args[0])) this.#parameters = args;
        return true;
      }
      case 'unset':
        for (const arg of args) if (typeof arg === 'string') this.#path.variables.delete(arg);
        return true;
      default:
        return undefined;
    }
  }

  /** dash's `continue` and `break` do nothing where the function itself has no loop; bash leaves the caller's. */
  #leaveLoop(kind: 'loop' | 'iteration', place: Place): Status {
    if (this.#isBash || this.#path.innermost(['function', 'subshell', kind]) === kind) this.#leave([kind], '0', place);
    return true;
  }

  /** A text that is known is read as a script; a tilde in it would be somebody's home. */
  #evaluate(args: readonly Value[], place: Place): Status {
    const text = args.every((arg) => typeof arg === 'string') ? args.join(' ') : undefined;
    if (text === undefined || text.includes('~')) throw new Unrecognised(place, 'what is evaluated is not known');
    if (++this.#calls > MAX_CALLS) throw new Unrecognised(place, 'functions call each other too deeply');
    const status = this.#runList(parseShell(text, place.line));
    this.#calls--;
    return status;
  }

  /** `local`, `export` and `readonly`: their assignments are not split (XCU 2.9.1 names them declaration utilities). */
  #declare({ words, place }: SimpleCommand): Status {
    const [first, ...operands] = words;
    const isLocal = textOf(first) === 'local';
    for (const operand of operands) {
      const [head, ...rest] = operand;
      const text = textOf(head === undefined ? undefined : [head]);
      const match = text === undefined ? null : /^([A-Za-z_]\w*)(=?)/.exec(text);
      const name = match?.[1];
      if (head === undefined || name === undefined) {
        if (text?.startsWith('-') === true) continue;
        if (isLocal) throw new Unrecognised(place, 'a variable that is not known');
        continue;
      }
      const hasValue = match?.[2] === '=';
      const isWhole = name === text && rest.length === 0;
      if (!hasValue && !isWhole) throw new Unrecognised(place, 'a variable that is not known');
      const value = hasValue
        ? expandWord(this.#host, [
            { ...head, kind: 'text', text: (text ?? '').slice(name.length + 1), quoted: true },
            ...rest,
          ])
        : undefined;
      if (isLocal) this.#path.declareLocal(name);
      if (isLocal || value !== undefined) this.#path.variables.set(name, value ?? '');
    }
    return true;
  }

  #leave(kinds: readonly ScopeKind[], code: Value | undefined, place: Place): void {
    if (!this.#path.stop(kinds, code)) throw new Unrecognised(place, 'nothing to leave');
  }

  #shell(place: Place, input: Value | undefined): Shell {
    const guard = this.#path.guard();
    return {
      subject: this.#subject,
      certain: guard.all.length === 0 && guard.none.length === 0,
      beforeUnpacking: this.#beforeUnpacking,
      input,
      emit: (action) => this.#emit(action, place),
      print: (value) => {
        if (!this.#output.print(value)) throw new Unrecognised(place, 'too much output');
      },
      printSkipped: (what) => this.#output.skip(what),
      getVariable: (name) => this.#path.variables.get(name) ?? '',
      setVariable: (name, value) => {
        this.#path.variables.set(name, value);
      },
      resolve: (path) => this.#resolve(path, place),
      call: ([first, ...args]) => (first === undefined ? true : this.#call(first, args, { place, input })),
      fail: (reason) => {
        throw new Unrecognised(place, reason);
      },
    };
  }

  readonly #host: ExpansionHost;

  #newHost(): ExpansionHost {
    return {
      scriptPath: this.#subject.scriptPath,
      getVariable: (name) => this.#path.variables.get(name),
      setVariable: (name, value) => {
        this.#path.variables.set(name, value);
      },
      parameters: () => this.#parameters,
      substitute: (body) => {
        const place = this.#place;
        const { result, values } = this.#output.capture(() => this.#subshell(() => this.#runList(body)));
        this.#place = place;
        this.#lastSubstitution = result;
        const output = concatValues(values);
        return typeof output === 'string' ? output.replace(/\n+$/, '') : output;
      },
      fail: (reason) => {
        throw new Unrecognised(this.#place, reason);
      },
    };
  }

  #subshell(work: () => Status): Status {
    const variables = new Map(this.#path.variables);
    const status = this.#path.within('subshell', work);
    this.#path.variables = variables;
    return status;
  }

  #redirected(redirects: readonly Redirect[], place: Place, work: () => Status): Status {
    const target = redirects.findLast(
      ({ operator, descriptor }) => (descriptor ?? 1) === 1 && (operator.startsWith('>') || operator === '<>'),
    );
    if (target === undefined) return work();
    const { result: status, values, skipped } = this.#output.capture(work);
    if (target.operator === '>&') return status;
    const file = expandWord(this.#host, target.target);
    if (typeof file !== 'string') throw new Unrecognised(place, 'output to a file whose name is not known');
    if (file === '') throw new Unrecognised(place, 'output to a file without a name');
    const path = this.#resolve(file, place);
    if (isTemporaryPath(path)) return status;
    if (skipped !== undefined) {
      this.#emit({ kind: 'skipped', what: path, why: skipped }, place);
      return status;
    }
    const content = concatValues(values);
    if (typeof content !== 'string' && path.startsWith('/var/log/')) return status;
    if (typeof content !== 'string') throw new Unrecognised(place, `what is written to ${path} is not known`);
    this.#emit({ kind: 'file', path, content, append: target.operator === '>>', mode: this.#mask(0o666) }, place);
    return status;
  }

  #mask(mode: number): number {
    const umask = this.#path.variables.get('\0umask');
    return mode & ~(typeof umask === 'string' ? Number.parseInt(umask, 8) : 0o022);
  }

  #resolve(path: string, place: Place): string {
    const base = this.#path.variables.get('PWD') ?? '/';
    if (!path.startsWith('/') && typeof base !== 'string')
      throw new Unrecognised(place, 'the current directory is not known');
    return resolvePath(path, typeof base === 'string' ? base : '/');
  }

  #emit(action: Action, place: Place): void {
    // Nothing of an older version is there to be removed, and what the package itself brings comes after.
    if (this.#beforeUnpacking && action.kind === 'remove') return;
    const guard = this.#path.guard();
    const certain = this.#path.isDecided(guard);
    // What is left out, or made once for the whole tree, does not hang on who asks for it.
    if (action.kind === 'skipped' || (action.kind === 'generate' && action.what !== 'sysusers')) {
      this.#path.add(action, UNGUARDED);
      return;
    }
    if (!certain && action.kind === 'remove') {
      // As long as nothing is there, it does not matter whether it is removed.
      this.#path.add({ kind: 'absent', path: action.path, pattern: action.pattern }, UNGUARDED);
      return;
    }
    if (!certain) throw new Unrecognised(place, 'whether this is run is not known');
    this.#path.add(action, guard);
  }
}

/** An absolute path without `.`, `..` and doubled slashes. */
function resolvePath(path: string, base: string): string {
  const segments: string[] = [];
  for (const segment of (path.startsWith('/') ? path : `${base}/${path}`).split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

function isDeclaration({ words: [first] }: SimpleCommand): boolean {
  return DECLARATIONS.has(textOf(first) ?? '');
}

const DECLARATIONS = new Set(['local', 'export', 'readonly']);

/** The text of a word without quotes and expansions. */
function textOf(word: Word | undefined): string | undefined {
  const [only, ...others] = word ?? [];
  return only?.kind === 'text' && !only.quoted && others.length === 0 ? only.text : undefined;
}

import { COMMANDS } from './commands/commands.ts';
import { isTemporaryPath } from './commands/reading.ts';
import { evaluateTest } from './commands/test-expression.ts';
import type { Action, Condition, Effect, Guard, Literal } from './effect.ts';
import { type ExpansionHost, expandFields, expandPattern, expandWord } from './expand.ts';
import type { ScriptSubject, Shell } from './shell.ts';
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
import { both, either, negate, type Status } from './status.ts';
import { concatValues, joinValues, matchesPattern, sameValue, UNKNOWN, type Value } from './value.ts';

const MAX_STEPS = 50_000;
const MAX_CALLS = 40;
const MAX_OUTPUT = 1024 * 1024;

/** What a script printed so far; `skipped` names the cache that the output would have been. */
interface Sink {
  readonly values: Value[];
  /** Literals and uncertain stops where the sink was opened: what is printed under more than these is only perhaps printed. */
  readonly literals: number;
  readonly stops: number;
  size: number;
  skipped: string | undefined;
}

type ScopeKind = 'script' | 'subshell' | 'function' | 'loop' | 'iteration';

interface Scope {
  readonly kind: ScopeKind;
  /** How many literals held where the scope was entered. */
  readonly base: number;
  readonly stops: Stop[];
  readonly locals: Map<string, Value | undefined>;
}

/** A place where a script, function or loop is left under the given literals. */
interface Stop {
  readonly literals: readonly Literal[];
  readonly status: Status;
  /** The script would fail here: no installation goes this way. */
  readonly fails: boolean;
  readonly variables: ReadonlyMap<string, Value>;
}

/**
 * Reads a shell script the way a fresh installation runs it, without running anything: branches whose condition is known are
 * decided, branches on facts about the tree become guarded effects, and an effect that hangs on anything else, or a command
 * that is not known, ends the reading with `Unrecognised`. Paths that end in a non-zero exit are never taken by an
 * installation that succeeds.
 */
export class Interpreter {
  readonly effects: Effect[] = [];
  readonly #subject: ScriptSubject;
  readonly #beforeUnpacking: boolean;
  readonly #functions = new Map<string, Command | 'ambiguous'>();
  readonly #conditions = new Map<number, Condition | 'unknown'>();
  readonly #scopes: Scope[] = [];
  #variables = new Map<string, Value>();
  #parameters: readonly Value[];
  #literals: Literal[] = [];
  #sink: Sink = { values: [], literals: 0, stops: 0, size: 0, skipped: undefined };
  #lastSubstitution: Status | undefined;
  #place: Place = { line: 1, text: '' };
  #steps = 0;
  #calls = 0;

  constructor(
    subject: ScriptSubject,
    parameters: readonly string[],
    { variables, beforeUnpacking }: { variables: Readonly<Record<string, string>>; beforeUnpacking: boolean },
  ) {
    this.#subject = subject;
    this.#beforeUnpacking = beforeUnpacking;
    this.#host = this.#newHost();
    this.#parameters = parameters;
    for (const [name, value] of Object.entries(variables)) this.#variables.set(name, value);
  }

  run(list: List): void {
    this.#within('script', () => this.#runList(list));
  }

  #runList(list: List): Status {
    let status: Status = true;
    for (const item of list) {
      if (this.#stopped()) return status;
      status = this.#runAndOr(item);
    }
    return status;
  }

  #runAndOr({ first, rest }: AndOr): Status {
    let status = this.#runPipeline(first);
    for (const { operator, pipeline } of rest) {
      if (this.#stopped()) return status;
      const before = status;
      const goesOn = operator === '&&' ? before : negate(before);
      const result: Status = this.#branch(
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
    const results = commands.map((command, index) => {
      const last = index === commands.length - 1;
      return this.#captured(() => this.#within('subshell', () => this.#runCommand(command)), last).result;
    });
    // `getent group shadow | grep -q …:42`: an account is made by one package only, so it is there or as it must be.
    const [first] = results;
    if (typeof first === 'object' && (first.kind === 'user' || first.kind === 'group')) return first;
    const status = results.at(-1) ?? true;
    return typeof status === 'boolean' ? status : 'unknown';
  }

  #runCommand(command: Command): Status {
    if (++this.#steps > MAX_STEPS) throw new Unrecognised(command.place, 'the script is too long');
    this.#place = command.place;
    if (command.kind === 'simple') return this.#runSimple(command);
    if (command.kind === 'function') {
      this.#functions.set(command.name, command.body);
      return true;
    }
    return this.#redirected(command.redirects, command.place, () => this.#runCompound(command));
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
        if (again === false || this.#stopped()) return true;
        this.#runUnknownLoop(() => {
          this.#runList(command.body);
          if (!this.#stopped()) this.#runList(command.condition);
        });
        return 'unknown';
      }
    }
  }

  #runIf(clauses: readonly { condition: List; body: List }[], otherwise: List): Status {
    const [clause, ...rest] = clauses;
    if (clause === undefined) return this.#runList(otherwise);
    const condition = this.#runList(clause.condition);
    if (this.#stopped()) return condition;
    return this.#branch(
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
      return this.#branch(
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
    return this.#within('loop', () => {
      for (const field of fields) {
        if (this.#stopped()) break;
        if (typeof field === 'string') {
          this.#variables.set(name, field);
          this.#within('iteration', () => this.#runList(body));
        } else {
          this.#runUnknownLoop(() => {
            this.#variables.set(name, UNKNOWN);
            this.#runList(body);
          });
        }
      }
      return true;
    });
  }

  /** A body that runs nobody knows how often: once with what is known, and once without what it changes. */
  #runUnknownLoop(body: () => void): void {
    this.#within('loop', () =>
      this.#branch(
        'unknown',
        () => {
          const before = new Map(this.#variables);
          for (let pass = 0; pass < 2 && !this.#stopped(); pass++) {
            this.#within('iteration', () => {
              body();
              return true;
            });
            for (const [name, value] of this.#variables) {
              if (!sameValue(before.get(name), value)) this.#variables.set(name, UNKNOWN);
            }
          }
          return true;
        },
        () => true,
      ),
    );
  }

  #runSimple(command: SimpleCommand): Status {
    const words = expandFields(this.#host, command.words);
    const [first, ...args] = words;
    if (first === undefined) return this.#runAssignments(command);
    if (first === 'exec' && args.length === 0) return true;
    const saved = command.assignments.map(({ name }) => [name, this.#variables.get(name)] as const);
    for (const { name, value } of command.assignments) this.#assign(name, value);
    const document = command.redirects.findLast(({ operator }) => operator === '<<');
    const input = document === undefined ? undefined : expandWord(this.#host, document.target);
    const status = this.#redirected(command.redirects, command.place, () =>
      this.#call(first, args, { place: command.place, input }),
    );
    for (const [name, value] of saved) {
      if (value === undefined) this.#variables.delete(name);
      else this.#variables.set(name, value);
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
    this.#variables.set(name, value);
  }

  #call(first: Value, args: readonly Value[], { place, input }: { place: Place; input: Value | undefined }): Status {
    if (typeof first !== 'string') return this.#callOneOf(first, args, place);
    const body = this.#functions.get(first);
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
    return this.#branch(
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
    const status = this.#within('function', () => this.#runCommand(body));
    this.#parameters = parameters;
    this.#calls--;
    this.#place = place;
    return status;
  }

  /** Builtins that change the flow of control or the interpreter itself. */
  #runControl(name: string, args: readonly Value[], place: Place): Status | undefined {
    switch (name) {
      case 'exit':
        this.#stop(['subshell', 'script'], args[0], place);
        return true;
      case 'return':
        this.#stop(['function', 'script'], args[0], place);
        return true;
      case 'break':
        this.#stop(['loop'], '0', place);
        return true;
      case 'continue':
        this.#stop(['iteration'], '0', place);
        return true;
      case 'shift':
        this.#parameters = this.#parameters.slice(typeof args[0] === 'string' ? Number(args[0]) : 1);
        return true;
      case 'set': {
        const operands = args[0] === '--' ? args.slice(1) : undefined;
        if (operands !== undefined) this.#parameters = operands;
        else if (typeof args[0] === 'string' && !/^[-+]/.test(args[0])) this.#parameters = args;
        return true;
      }
      case 'local': {
        const scope = this.#scopes.findLast(({ kind }) => kind === 'function');
        for (const arg of args) {
          const [variable, value] = splitAssignment(arg);
          if (variable === undefined) throw new Unrecognised(place, 'a variable that is not known');
          if (scope !== undefined && !scope.locals.has(variable))
            scope.locals.set(variable, this.#variables.get(variable));
          this.#variables.set(variable, value ?? '');
        }
        return true;
      }
      case 'export':
      case 'readonly':
        for (const arg of args) {
          const [variable, value] = splitAssignment(arg);
          if (variable !== undefined && value !== undefined) this.#variables.set(variable, value);
        }
        return true;
      case 'unset':
        for (const arg of args) if (typeof arg === 'string') this.#variables.delete(arg);
        return true;
      default:
        return undefined;
    }
  }

  #shell(place: Place, input: Value | undefined): Shell {
    const guard = this.#guard();
    return {
      subject: this.#subject,
      certain: guard.all.length === 0 && guard.none.length === 0,
      input,
      emit: (action) => this.#emit(action, place),
      print: (value) => this.#print(value),
      printSkipped: (what) => {
        this.#sink.skipped = what;
      },
      getVariable: (name) => this.#variables.get(name) ?? '',
      setVariable: (name, value) => {
        this.#variables.set(name, value);
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
      getVariable: (name) => this.#variables.get(name),
      setVariable: (name, value) => {
        this.#variables.set(name, value);
      },
      parameters: () => this.#parameters,
      substitute: (body) => {
        const place = this.#place;
        const { result, output } = this.#captured(() => this.#subshell(() => this.#runList(body)), false);
        this.#place = place;
        this.#lastSubstitution = result;
        return output;
      },
      fail: (reason) => {
        throw new Unrecognised(this.#place, reason);
      },
    };
  }

  #subshell(work: () => Status): Status {
    const variables = new Map(this.#variables);
    const status = this.#within('subshell', work);
    this.#variables = variables;
    return status;
  }

  #captured(work: () => Status, passOn: boolean): { result: Status; output: Value } {
    const outer = this.#sink;
    const sink = this.#newSink();
    this.#sink = sink;
    const result = work();
    this.#sink = outer;
    if (passOn) for (const value of sink.values) this.#print(value);
    if (passOn && sink.skipped !== undefined) outer.skipped = sink.skipped;
    const output = concatValues(sink.values);
    return { result, output: typeof output === 'string' ? output.replace(/\n+$/, '') : output };
  }

  #print(value: Value): void {
    if (value === '') return;
    this.#sink.size += typeof value === 'string' ? value.length : 1;
    if (this.#sink.size > MAX_OUTPUT) throw new Unrecognised(this.#place, 'too much output');
    // What is printed only perhaps makes the whole unknown.
    this.#sink.values.push(this.#isCertain() ? value : UNKNOWN);
  }

  #isCertain(): boolean {
    return this.#literals.length === this.#sink.literals && this.#activeStops().length === this.#sink.stops;
  }

  #newSink(): Sink {
    const stops = this.#activeStops().length;
    return { values: [], literals: this.#literals.length, stops, size: 0, skipped: undefined };
  }

  #redirected(redirects: readonly Redirect[], place: Place, work: () => Status): Status {
    const target = redirects.findLast(
      ({ operator, descriptor }) => (descriptor ?? 1) === 1 && (operator.startsWith('>') || operator === '<>'),
    );
    if (target === undefined) return work();
    const outer = this.#sink;
    const sink = this.#newSink();
    this.#sink = sink;
    const status = work();
    this.#sink = outer;
    if (target.operator === '>&') return status;
    const file = expandWord(this.#host, target.target);
    if (typeof file !== 'string') throw new Unrecognised(place, 'output to a file whose name is not known');
    if (file === '') throw new Unrecognised(place, 'output to a file without a name');
    const path = this.#resolve(file, place);
    if (isTemporaryPath(path)) return status;
    if (sink.skipped !== undefined) {
      this.#emit({ kind: 'skipped', what: path, why: sink.skipped }, place);
      return status;
    }
    const content = concatValues(sink.values);
    if (typeof content !== 'string' && path.startsWith('/var/log/')) return status;
    if (typeof content !== 'string') throw new Unrecognised(place, `what is written to ${path} is not known`);
    this.#emit({ kind: 'file', path, content, append: target.operator === '>>', mode: this.#mask(0o666) }, place);
    return status;
  }

  #mask(mode: number): number {
    const umask = this.#variables.get('\0umask');
    return mode & ~(typeof umask === 'string' ? Number.parseInt(umask, 8) : 0o022);
  }

  #resolve(path: string, place: Place): string {
    const base = this.#variables.get('PWD') ?? '/';
    if (!path.startsWith('/') && typeof base !== 'string')
      throw new Unrecognised(place, 'the current directory is not known');
    const segments: string[] = [];
    for (const segment of (path.startsWith('/') ? path : `${base}/${path}`).split('/')) {
      if (segment === '..') segments.pop();
      else if (segment !== '' && segment !== '.') segments.push(segment);
    }
    return `/${segments.join('/')}`;
  }

  /** Runs `work` or `otherwise` as the status says, or both under opposite literals, and joins what is known after them. */
  #branch(condition: Status, work: () => Status, otherwise: () => Status): Status {
    if (condition === true) return work();
    if (condition === false) return otherwise();
    const check = this.#check(condition);
    const before = this.#variables;
    const functions = new Map(this.#functions);
    const one = this.#side({ check, value: true }, before, work);
    const functionsOfOne = new Map(this.#functions);
    this.#restoreFunctions(functions);
    const two = this.#side({ check, value: false }, before, otherwise);
    this.#joinFunctions(functionsOfOne);
    if (one.stopped && two.stopped) this.#variables = one.variables;
    else if (one.stopped) this.#variables = two.variables;
    else if (two.stopped) this.#variables = one.variables;
    else this.#variables = joinVariables(one.variables, two.variables);
    if (one.stopped) return two.status;
    if (two.stopped) return one.status;
    if (typeof one.status === 'boolean' && one.status === two.status) return one.status;
    return either(both(condition, one.status), both(negate(condition), two.status));
  }

  #side(literal: Literal, before: ReadonlyMap<string, Value>, work: () => Status) {
    const depth = this.#literals.length;
    this.#variables = new Map(before);
    this.#literals.push(literal);
    const status = work();
    const stopped = this.#stopped();
    this.#literals.length = depth;
    return { status, stopped, variables: this.#variables };
  }

  #restoreFunctions(functions: ReadonlyMap<string, Command | 'ambiguous'>): void {
    this.#functions.clear();
    for (const [name, body] of functions) this.#functions.set(name, body);
  }

  #joinFunctions(others: ReadonlyMap<string, Command | 'ambiguous'>): void {
    for (const [name, body] of others) {
      const mine = this.#functions.get(name);
      this.#functions.set(name, mine === undefined || mine === body ? body : 'ambiguous');
    }
  }

  #check(condition: Exclude<Status, boolean>): number {
    const check = this.#conditions.size;
    this.#conditions.set(check, condition);
    if (condition !== 'unknown') this.effects.push(this.#guarded({ kind: 'check', check, condition }, this.#guard()));
    return check;
  }

  #emit(action: Action, place: Place): void {
    // Nothing of an older version is there to be removed, and what the package itself brings comes after.
    if (this.#beforeUnpacking && action.kind === 'remove') return;
    const guard = this.#guard();
    const literals = [...guard.all, ...guard.none.flat()];
    const certain = literals.every(({ check }) => this.#conditions.get(check) !== 'unknown');
    // What is left out, or made once for the whole tree, does not hang on who asks for it.
    if (action.kind === 'skipped' || (action.kind === 'generate' && action.what !== 'sysusers')) {
      this.effects.push(action);
      return;
    }
    if (!certain && action.kind === 'remove') {
      // As long as nothing is there, it does not matter whether it is removed.
      this.effects.push({ kind: 'absent', path: action.path, pattern: action.pattern });
      return;
    }
    if (!certain) {
      throw new Unrecognised(place, 'whether this is run is not known');
    }
    this.effects.push(this.#guarded(action, guard));
  }

  #guarded(action: Action, guard: Guard): Effect {
    return guard.all.length === 0 && guard.none.length === 0 ? action : { ...action, when: guard };
  }

  #guard(): Guard {
    const none = this.#activeStops().map(({ literals }) => literals.filter((literal) => !this.#holds(literal)));
    return { all: [...this.#literals], none };
  }

  /** Stops that may or may not have been reached on the way here. */
  #activeStops(): readonly Stop[] {
    return this.#scopes
      .flatMap(({ stops }) => stops)
      .filter(({ fails, literals }) => !fails && !literals.some((literal) => this.#contradicts(literal)));
  }

  #holds({ check, value }: Literal): boolean {
    return this.#literals.some((literal) => literal.check === check && literal.value === value);
  }

  #contradicts({ check, value }: Literal): boolean {
    return this.#literals.some((literal) => literal.check === check && literal.value !== value);
  }

  #stopped(): boolean {
    return this.#scopes.some(({ stops }) =>
      stops.some(({ literals }) => literals.every((literal) => this.#holds(literal))),
    );
  }

  #stop(kinds: readonly ScopeKind[], code: Value | undefined, place: Place): void {
    const index = this.#scopes.findLastIndex(({ kind }) => kinds.includes(kind));
    const scope = this.#scopes[index];
    if (scope === undefined) throw new Unrecognised(place, 'nothing to leave');
    const status: Status = code === undefined || typeof code !== 'string' ? 'unknown' : code === '0';
    const literals = this.#literals.slice(scope.base);
    const inner = this.#scopes.slice(index + 1).flatMap(({ stops }) => stops);
    if (inner.some((stop) => this.#activeStops().includes(stop))) {
      const check = this.#conditions.size;
      this.#conditions.set(check, 'unknown');
      literals.push({ check, value: true });
      this.#literals.push({ check, value: true });
    }
    const fails = status === false && scope.kind === 'script';
    scope.stops.push({
      literals,
      status: code === undefined ? true : status,
      fails,
      variables: new Map(this.#variables),
    });
  }

  #within(kind: ScopeKind, work: () => Status): Status {
    const base = this.#literals.length;
    const scope: Scope = { kind, base, stops: [], locals: new Map() };
    this.#scopes.push(scope);
    const last = work();
    const stopped = this.#stopped();
    const stops = scope.stops.filter(({ fails }) => !fails);
    this.#scopes.pop();
    this.#literals.length = base;
    let status: Status | undefined = stopped && stops.length > 0 ? undefined : last;
    let variables: ReadonlyMap<string, Value> | undefined = status === undefined ? undefined : this.#variables;
    for (const stop of stops.toReversed()) {
      const reached = stop.literals.reduce<Status>((all, literal) => both(all, this.#statusOf(literal)), true);
      const choice: Status = status === undefined ? stop.status : status;
      status = stop.status === choice ? choice : either(both(reached, stop.status), both(negate(reached), choice));
      variables = variables === undefined ? stop.variables : joinVariables(variables, stop.variables);
    }
    this.#variables = new Map(variables ?? this.#variables);
    for (const [name, value] of scope.locals) {
      if (value === undefined) this.#variables.delete(name);
      else this.#variables.set(name, value);
    }
    return status ?? true;
  }

  #statusOf({ check, value }: Literal): Status {
    const condition = this.#conditions.get(check) ?? 'unknown';
    return value ? condition : negate(condition);
  }
}

function splitAssignment(arg: Value): readonly [string | undefined, Value | undefined] {
  if (typeof arg !== 'string') return [undefined, undefined];
  const equals = arg.indexOf('=');
  return equals < 0 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function joinVariables(a: ReadonlyMap<string, Value>, b: ReadonlyMap<string, Value>): Map<string, Value> {
  const joined = new Map<string, Value>();
  for (const name of new Set([...a.keys(), ...b.keys()])) joined.set(name, joinValues(a.get(name), b.get(name)));
  return joined;
}

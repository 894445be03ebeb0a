import type { Action, Condition, Effect, Guard, Literal } from './effect.ts';
import type { Command } from './shell-syntax.ts';
import { both, either, negate, type Status } from './status.ts';
import { joinValues, type Value } from './value.ts';

export type ScopeKind = 'script' | 'subshell' | 'function' | 'loop' | 'iteration';

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
 * Where the reading of a script stands: what holds on the way here, which functions, loops or scripts may have been left, and
 * what is known about variables. Facts about the tree are numbered checks; what is not known at all is a check without a
 * condition, and no effect may hang on it.
 */
export class PathState {
  readonly effects: Effect[] = [];
  readonly functions = new Map<string, Command | 'ambiguous'>();
  variables = new Map<string, Value>();
  readonly #conditions = new Map<number, Condition | 'unknown'>();
  readonly #scopes: Scope[] = [];
  #literals: Literal[] = [];

  /** Two equal marks: what is read between them is read whenever the first is. */
  mark(): { readonly literals: number; readonly stops: number } {
    return { literals: this.#literals.length, stops: this.#activeStops().length };
  }

  /** True when nothing in the guard is unknown. */
  isDecided({ all, none }: Guard): boolean {
    return [...all, ...none.flat()].every(({ check }) => this.#conditions.get(check) !== 'unknown');
  }

  /** Makes a local variable of the innermost function; its value comes back when the function is left. */
  declareLocal(name: string): void {
    const scope = this.#scopes.findLast(({ kind }) => kind === 'function');
    if (scope !== undefined && !scope.locals.has(name)) scope.locals.set(name, this.variables.get(name));
  }

  add(action: Action, guard: Guard): void {
    this.effects.push(guarded(action, guard));
  }

  /** The body of a loop is read more than once. */
  addOnce(action: Action, guard: Guard): void {
    const text = JSON.stringify(guarded(action, guard));
    if (!this.effects.some((effect) => effect.kind === action.kind && JSON.stringify(effect) === text))
      this.add(action, guard);
  }

  /** Runs `work` or `otherwise` as the status says, or both under opposite literals, and joins what is known after them. */
  branch(condition: Status, work: () => Status, otherwise: () => Status): Status {
    if (condition === true) return work();
    if (condition === false) return otherwise();
    const check = this.#check(condition);
    const before = this.variables;
    const functions = new Map(this.functions);
    const one = this.#side({ check, value: true }, before, work);
    const functionsOfOne = new Map(this.functions);
    this.#restoreFunctions(functions);
    const two = this.#side({ check, value: false }, before, otherwise);
    this.#joinFunctions(functionsOfOne);
    if (one.stopped && two.stopped) this.variables = one.variables;
    else if (one.stopped) this.variables = two.variables;
    else if (two.stopped) this.variables = one.variables;
    else this.variables = joinVariables(one.variables, two.variables);
    if (one.stopped) return two.status;
    if (two.stopped) return one.status;
    if (typeof one.status === 'boolean' && one.status === two.status) return one.status;
    return either(both(condition, one.status), both(negate(condition), two.status));
  }

  #side(literal: Literal, before: ReadonlyMap<string, Value>, work: () => Status) {
    const depth = this.#literals.length;
    this.variables = new Map(before);
    this.#literals.push(literal);
    const status = work();
    const stopped = this.stopped();
    this.#literals.length = depth;
    return { status, stopped, variables: this.variables };
  }

  #restoreFunctions(functions: ReadonlyMap<string, Command | 'ambiguous'>): void {
    this.functions.clear();
    for (const [name, body] of functions) this.functions.set(name, body);
  }

  #joinFunctions(others: ReadonlyMap<string, Command | 'ambiguous'>): void {
    for (const [name, body] of others) {
      const mine = this.functions.get(name);
      this.functions.set(name, mine === undefined || mine === body ? body : 'ambiguous');
    }
  }

  #check(condition: Exclude<Status, boolean>): number {
    const check = this.#conditions.size;
    this.#conditions.set(check, condition);
    if (condition !== 'unknown') this.add({ kind: 'check', check, condition }, this.guard());
    return check;
  }

  /** What must hold for the statement at hand to be run. */
  guard(): Guard {
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

  /** True where nothing can be reached any more. */
  stopped(): boolean {
    return this.#scopes.some(({ stops }) =>
      stops.some(({ literals }) => literals.every((literal) => this.#holds(literal))),
    );
  }

  /** What is known to hold here, and the paths of the tree that must be there for it. */
  premises(): { readonly guard: Guard; readonly paths: readonly string[] } {
    const { all, none } = this.guard();
    // Where only one fact could have left the scope, it does not hold.
    const negated = none.flatMap(([only, ...others]) =>
      only === undefined || others.length > 0 ? [] : [{ check: only.check, value: !only.value }],
    );
    const known = [...all, ...negated].filter(({ check }) => this.#conditions.get(check) !== 'unknown');
    const paths = known.flatMap((literal) => pathsThere(this.#statusOf(literal)));
    return { guard: { all: known, none: [] }, paths: [...new Set(paths)] };
  }

  /** Where the reading stands, so that a statement can be left in its middle. */
  position(): { readonly scopes: number; readonly literals: number } {
    return { scopes: this.#scopes.length, literals: this.#literals.length };
  }

  returnTo({ scopes, literals }: { readonly scopes: number; readonly literals: number }): void {
    this.#scopes.length = scopes;
    this.#literals.length = literals;
  }

  /** The kind of the innermost scope of those. */
  innermost(kinds: readonly ScopeKind[]): ScopeKind | undefined {
    return this.#scopes.findLast(({ kind }) => kinds.includes(kind))?.kind;
  }

  /** Leaves the innermost scope of one of the kinds with an exit status; false when there is none. */
  stop(kinds: readonly ScopeKind[], code: Value | undefined): boolean {
    const index = this.#scopes.findLastIndex(({ kind }) => kinds.includes(kind));
    const scope = this.#scopes[index];
    if (scope === undefined) return false;
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
      variables: new Map(this.variables),
    });
    return true;
  }

  /** Runs a scope; what its early exits know of variables and status is joined with its end. */
  within(kind: ScopeKind, work: () => Status): Status {
    const base = this.#literals.length;
    const scope: Scope = { kind, base, stops: [], locals: new Map() };
    this.#scopes.push(scope);
    const last = work();
    const stopped = this.stopped();
    const stops = scope.stops.filter(({ fails }) => !fails);
    this.#scopes.pop();
    this.#literals.length = base;
    let status: Status | undefined = stopped && stops.length > 0 ? undefined : last;
    let variables: ReadonlyMap<string, Value> | undefined = status === undefined ? undefined : this.variables;
    for (const stop of stops.toReversed()) {
      const reached = stop.literals.reduce<Status>((all, literal) => both(all, this.#statusOf(literal)), true);
      const choice: Status = status === undefined ? stop.status : status;
      status = stop.status === choice ? choice : either(both(reached, stop.status), both(negate(reached), choice));
      variables = variables === undefined ? stop.variables : joinVariables(variables, stop.variables);
    }
    this.variables = new Map(variables ?? this.variables);
    for (const [name, value] of scope.locals) {
      if (value === undefined) this.variables.delete(name);
      else this.variables.set(name, value);
    }
    return status ?? true;
  }

  #statusOf({ check, value }: Literal): Status {
    const condition = this.#conditions.get(check) ?? 'unknown';
    return value ? condition : negate(condition);
  }
}

/** Paths that must be there for a status to be a success. */
function pathsThere(status: Status): readonly string[] {
  if (typeof status !== 'object') return [];
  if (status.kind === 'path')
    return status.is === 'matched' && !/^[^*?[]*\*[^*?[]*$/.test(status.path) ? [] : [status.path];
  return status.kind === 'and' ? status.of.flatMap(pathsThere) : [];
}

function guarded(action: Action, guard: Guard): Effect {
  return guard.all.length === 0 && guard.none.length === 0 ? action : { ...action, when: guard };
}

function joinVariables(a: ReadonlyMap<string, Value>, b: ReadonlyMap<string, Value>): Map<string, Value> {
  const joined = new Map<string, Value>();
  for (const name of new Set([...a.keys(), ...b.keys()])) joined.set(name, joinValues(a.get(name), b.get(name)));
  return joined;
}

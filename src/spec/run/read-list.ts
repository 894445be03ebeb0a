import type { AndOr, List, Pipeline } from '../../formats/debian/effects/shell-syntax.ts';
import { notRead, type Outcome, type RunState, type Status, type Understood } from './run-state.ts';

/** Reads one pipeline; `needed` says that the image can only be built when it succeeds. */
export type ReadPipeline = (pipeline: Pipeline, needed: boolean) => Outcome;

export interface ReadStatement {
  readonly pipeline: Pipeline;
  readonly outcome: Understood;
  /** It is not run, since what comes before it decides so. */
  readonly skipped?: true;
}

export interface ListReading {
  readonly read: readonly ReadStatement[];
  /** Of the last statement. */
  readonly status: Status;
  /** The first statement that cannot be read: nothing after it was looked at. */
  readonly stopped?: { readonly pipeline: Pipeline; readonly why: string };
}

/**
 * The statements of a list in order, as `&&` and `||` let them run. A command that is understood succeeds unless it is one that only asks; of what depends on an answer that is
 * not known, nothing is read but what makes no difference. With `needed`, the image can only be built when the list succeeds.
 */
export function readStatements(
  state: RunState,
  list: List,
  { needed, readPipeline }: { readonly needed: boolean; readonly readPipeline: ReadPipeline },
): ListReading {
  const read: ReadStatement[] = [];
  let status: Status = true;
  for (const [index, andOr] of list.entries()) {
    const one = readAndOr(state, andOr, { needed: needed && index === list.length - 1, readPipeline });
    read.push(...one.read);
    if (one.stopped !== undefined) return { read, status: 'unknown', stopped: one.stopped };
    status = one.status;
  }
  return { read, status };
}

interface Item {
  readonly operator: '&&' | '||' | undefined;
  readonly pipeline: Pipeline;
}

function readAndOr(
  state: RunState,
  { first, rest }: AndOr,
  { needed, readPipeline }: { readonly needed: boolean; readonly readPipeline: ReadPipeline },
): ListReading {
  const read: ReadStatement[] = [];
  const items: readonly Item[] = [{ operator: undefined, pipeline: first }, ...rest];
  let status: Status = true;
  for (let index = 0; index < items.length; index++) {
    const { operator, pipeline } = items[index] as Item;
    if ((operator === '&&' && status === false) || (operator === '||' && status === true)) {
      const why = status ? 'what it stands in for is done' : 'what it depends on is not so';
      read.push({ pipeline, outcome: { class: 'none', why }, skipped: true });
      continue;
    }
    const after = items.slice(index + 1);
    const isNeeded = needed && after.every((item) => item.operator === '&&');
    let others: EitherWay = { read: [], status };
    const outcome = state.attempt(() => {
      const own = readPipeline(pipeline, isNeeded);
      if (own.class === 'step') return own;
      if (own.status === false && isNeeded) return notRead(`it does not succeed: ${own.why}`);
      others = { read: [], status: own.status ?? true };
      if (own.status !== 'unknown') return own;
      if (isNeeded) {
        others = { read: [], status: true };
        return after.length === 0 ? own : { ...own, why: `${own.why}, and the image cannot be built otherwise` };
      }
      const found = readEitherWay(state, own, { items: after, readPipeline });
      if (found !== undefined) others = found;
      const why = own.why.startsWith('whether') ? own.why : `${own.why}, and what it finds is not known`;
      return found === undefined ? notRead(why) : own;
    });
    if (outcome.class === 'step') return { read, status: 'unknown', stopped: { pipeline, why: outcome.why } };
    read.push({ pipeline, outcome }, ...others.read);
    status = others.status;
    index += others.read.length;
  }
  return { read, status };
}

interface EitherWay {
  readonly read: readonly ReadStatement[];
  readonly status: Status;
}

/**
 * What follows a question whose answer is not known, until it does not matter any more, where that comes to the same in any case: it has no effect, or it installs what was
 * asked for and may be missing, which is not installed twice.
 */
function readEitherWay(
  state: RunState,
  question: Understood,
  { items, readPipeline }: { readonly items: readonly Item[]; readonly readPipeline: ReadPipeline },
): EitherWay | undefined {
  const read: ReadStatement[] = [];
  for (const { operator, pipeline } of items) {
    const before = shellOf(state);
    const outcome = readPipeline(pipeline, false);
    if (outcome.class === 'step' || !makesNoDifference(question, outcome, operator === '||')) return undefined;
    if (shellOf(state) !== before) return undefined;
    read.push({ pipeline, outcome });
    if (operator === '||' && (outcome.status ?? true) === true) return { read, status: true };
  }
  return { read, status: 'unknown' };
}

/** What a command may change of the shell itself, as a text to compare. */
function shellOf({ cwd, variables, functions }: RunState): string {
  return JSON.stringify([cwd, [...variables], [...functions.keys()]]);
}

/** Whether a command has the same effect when it is left out, or done though it need not be. `otherwise`: it is done when the answer is no. */
export function makesNoDifference(
  { asksFor, turned = false }: Understood,
  outcome: Understood,
  otherwise: boolean,
): boolean {
  if (outcome.class === 'none') return true;
  const installs =
    (asksFor === 'program' && outcome.class === 'system') || (asksFor === 'package' && outcome.class === 'python');
  return installs && turned !== otherwise;
}

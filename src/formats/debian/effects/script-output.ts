import type { PathState } from './path-state.ts';
import type { Status } from './status.ts';
import { UNKNOWN, type Value } from './value.ts';

const MAX_OUTPUT = 1024 * 1024;

interface Sink {
  readonly values: Value[];
  /** How certain it was that the sink is opened: what is printed less certainly is only perhaps printed. */
  readonly mark: ReturnType<PathState['mark']>;
  size: number;
  skipped: string | undefined;
}

/** Standard output of the statements being read, one sink inside the other. */
export class ScriptOutput {
  readonly #path: PathState;
  #sink: Sink;

  constructor(path: PathState) {
    this.#path = path;
    this.#sink = this.#open();
  }

  /** What `work` prints; `skipped` says why the content is left out, when it is a generated cache. */
  capture(work: () => Status): {
    readonly result: Status;
    readonly values: readonly Value[];
    readonly skipped: string | undefined;
  } {
    const outer = this.#sink;
    const sink = this.#open();
    this.#sink = sink;
    const result = work();
    this.#sink = outer;
    return { result, values: sink.values, skipped: sink.skipped };
  }

  /** The sink at hand, to come back to when a statement is left in its middle. */
  mark(): unknown {
    return this.#sink;
  }

  returnTo(mark: unknown): void {
    this.#sink = mark as Sink;
  }

  /** False when there is more output than a script may have. */
  print(value: Value): boolean {
    if (value === '') return true;
    const { mark, values } = this.#sink;
    const now = this.#path.mark();
    const certain = now.literals === mark.literals && now.stops === mark.stops;
    // What is printed only perhaps makes the whole unknown.
    values.push(certain ? value : UNKNOWN);
    this.#sink.size += typeof value === 'string' ? value.length : 1;
    return this.#sink.size <= MAX_OUTPUT;
  }

  skip(why: string): void {
    this.#sink.skipped = why;
  }

  #open(): Sink {
    return { values: [], mark: this.#path.mark(), size: 0, skipped: undefined };
  }
}

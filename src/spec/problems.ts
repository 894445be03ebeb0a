import { CogplanError } from '../errors.ts';

/** Collects what is wrong with the input, so that a person sees all of it at once. */
export class Problems {
  readonly #errors: CogplanError[] = [];

  add(error: CogplanError): void {
    this.#errors.push(error);
  }

  /** Runs `work`; a CogplanError is collected and gives undefined. */
  attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#collect(error);
      return undefined;
    }
  }

  async attemptAsync<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#collect(error);
      return undefined;
    }
  }

  /** Throws the topmost error; its `data.others` lists the rest as code, message, where and hint. */
  throwIfAny(): void {
    const files = [...new Set(this.#errors.map((error) => error.where?.file))];
    const [first, ...others] = this.#errors
      .map((error) => ({
        error,
        rank: [files.indexOf(error.where?.file), error.where?.line ?? 0, error.where?.column ?? 0],
      }))
      .sort((a, b) => compareRanks(a.rank, b.rank))
      .map(({ error }) => error);
    if (first === undefined) return;
    if (others.length === 0) throw first;
    throw new CogplanError(first.code, first.message, {
      subject: first.subject,
      where: first.where,
      hint: first.hint,
      cause: first.cause,
      data: {
        ...first.data,
        others: others.map(({ code, message, where, hint }) => ({ code, message, where, hint })),
      },
    });
  }

  #collect(error: unknown): void {
    if (!(error instanceof CogplanError) || error.family === 'bug') throw error;
    this.add(error);
  }
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Something that holds until a time; without one, as long as the program runs. */
export interface Expiring<T> {
  readonly value: T;
  readonly expires?: number;
}

/** Until when an answer holds that ends at a time; what cannot be read as one does not hold for long. */
export function expiryOf(text: string | undefined): { readonly expires?: number } {
  if (text === undefined) return {};
  const time = Date.parse(text);
  return { expires: Number.isNaN(time) ? 0 : time };
}

/** So long before it ends a token is asked for anew, in milliseconds. */
const EARLY = 5 * 60_000;

/** Asks once, and again when what was got is about to end. What fails is asked for again the next time. */
export function renewed<T>(now: () => Date, ask: () => Promise<Expiring<T>>): () => Promise<T> {
  let current: Promise<Expiring<T>> | undefined;
  return async () => {
    const mine = current;
    const known = await mine?.catch(() => undefined);
    if (known !== undefined && (known.expires === undefined || known.expires - EARLY > now().getTime()))
      return known.value;
    // Whoever saw it first asks; the others wait for the same answer.
    if (current === mine) current = ask();
    return (await (current ?? ask())).value;
  };
}

/**
 * Values of the secrets that a step names, from the environment: `COGPLAN_SECRET_` and the id in capitals, with `_` for what is no letter or digit. What is not there is left out.
 */
export function secretsFor(
  secrets: readonly { readonly id: string }[],
  env: Readonly<Record<string, string | undefined>>,
  given: ReadonlyMap<string, Uint8Array> = new Map(),
): ReadonlyMap<string, Uint8Array> {
  const found = new Map(given);
  for (const { id } of secrets) {
    const value = env[secretVariable(id)];
    if (value !== undefined && !found.has(id)) found.set(id, Buffer.from(value, 'utf8'));
  }
  return found;
}

/** The variable that holds the value of a secret. */
export function secretVariable(id: string): string {
  return `COGPLAN_SECRET_${id.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}

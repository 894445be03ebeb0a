/** The text without the values of secrets, as they are or as an address writes them. Values of less than four bytes hide nothing. */
export function redactSecrets(text: string, secrets: ReadonlyMap<string, Uint8Array>): string {
  let shown = text;
  for (const content of secrets.values()) {
    const value = Buffer.from(content).toString('utf8').trim();
    if (value.length < 4) continue;
    for (const form of [value, encodeURIComponent(value), encodeURI(value)]) shown = shown.replaceAll(form, '***');
  }
  return shown;
}

/** The least `pylock.toml` that tells uv which versions to prefer. */
export function writePreferences(pins: readonly { readonly name: string; readonly version: string }[]): string {
  const packages = pins.map(
    ({ name, version }) => `[[packages]]\nname = ${JSON.stringify(name)}\nversion = ${JSON.stringify(version)}\n`,
  );
  return `lock-version = "1.0"\ncreated-by = "cogplan"\n\n${packages.join('\n')}`;
}

/**
 * Defaults of debconf questions by name, from a package's `templates` file (debconf-devel(7)). Only what the noninteractive
 * frontend answers with: the untranslated `Default`, or nothing.
 */
export function parseTemplates(text: string): ReadonlyMap<string, string> {
  const defaults = new Map<string, string>();
  for (const paragraph of text.split(/\n(?:[ \t]*\n)+/)) {
    const name = /^Template:[ \t]*(\S+)[ \t]*$/m.exec(paragraph)?.[1];
    if (name === undefined) continue;
    defaults.set(name, /^Default:[ \t]*(.*?)[ \t]*$/m.exec(paragraph)?.[1] ?? '');
  }
  return defaults;
}

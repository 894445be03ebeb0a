/** A command that a wheel declares: `name = module:attribute`. */
export interface ScriptEntryPoint {
  readonly name: string;
  readonly module: string;
  /** Dotted path inside the module. */
  readonly attribute: string;
}

export type EntryPointsResult =
  | { readonly kind: 'scripts'; readonly scripts: readonly ScriptEntryPoint[] }
  | { readonly kind: 'invalid'; readonly reason: string };

const SECTIONS: ReadonlySet<string> = new Set(['console_scripts', 'gui_scripts']);
// More than the \w, dots and dashes that are recommended, but never a path.
const NAME = /^[^\s/\\\p{Cc}=[\]][^/\\\p{Cc}=[\]]*$/u;
const IDENTIFIERS = '[\\p{ID_Start}_][\\p{ID_Continue}]*(?:\\.[\\p{ID_Start}_][\\p{ID_Continue}]*)*';
const OBJECT = new RegExp(`^(${IDENTIFIERS})\\s*:\\s*(${IDENTIFIERS})\\s*(?:\\[[^\\]]*\\])?$`, 'u');

/** The scripts of an entry_points.txt. https://packaging.python.org/en/latest/specifications/entry-points/#file-format */
export function parseEntryPoints(text: string): EntryPointsResult {
  const scripts = new Map<string, ScriptEntryPoint>();
  let section = '';
  for (const raw of text.split(/\r\n|\n|\r/)) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const header = /^\[(.*)\]$/.exec(line)?.[1];
    if (header !== undefined) {
      section = header.trim();
      continue;
    }
    if (!SECTIONS.has(section)) continue;
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(0, equals)).trim();
    const [, module, attribute] = OBJECT.exec(line.slice(equals + 1).trim()) ?? [];
    if (!NAME.test(name) || name === '.' || name === '..' || module === undefined || attribute === undefined) {
      return { kind: 'invalid', reason: `the entry point "${line.slice(0, 200)}" is malformed` };
    }
    if (scripts.has(name)) return { kind: 'invalid', reason: `the entry point ${name} is declared twice` };
    scripts.set(name, { name, module, attribute });
  }
  return { kind: 'scripts', scripts: [...scripts.values()] };
}

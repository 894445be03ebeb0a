import { parse, TomlError } from 'smol-toml';
import { CogplanError, type Where } from '../errors.ts';

export type TomlTable = Readonly<Record<string, unknown>>;

export interface TomlSource {
  readonly root: TomlTable;
  /** Where a text first stands, from the line `from` on; the file alone when it does not. */
  readonly find: (text: string, from?: number) => Where;
  /** Numbers of the lines that open an item of a table array, in order. */
  readonly headings: (name: string) => readonly number[];
}

/** Parses TOML; a syntax error is COGPLAN_REQUIREMENTS_FILE with its line. */
export function parseToml(text: string, file: string): TomlSource {
  const lines = text.split(/\r?\n/);
  const find = (wanted: string, from = 1): Where => {
    const index = lines.findIndex((line, at) => at + 1 >= from && line.includes(wanted));
    return index === -1 ? { file } : { file, line: index + 1, column: (lines[index] ?? '').indexOf(wanted) + 1 };
  };
  const headings = (name: string): readonly number[] =>
    lines.flatMap((line, index) => (line.trim() === `[[${name}]]` ? [index + 1] : []));
  try {
    return { root: parse(text), find, headings };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new CogplanError('COGPLAN_REQUIREMENTS_FILE', `${file} is not valid TOML: ${error.message.split('\n')[0]}`, {
      subject: file,
      where: { file, line: error.line, column: error.column },
      hint: 'Write the file anew with the tool that made it.',
      cause: error,
    });
  }
}

export function table(value: unknown): TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as TomlTable) : {};
}

export function tables(value: unknown): readonly TomlTable[] {
  return Array.isArray(value) ? value.map(table) : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

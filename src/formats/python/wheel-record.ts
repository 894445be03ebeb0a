import { createHash } from 'node:crypto';

/** A row of a wheel's RECORD. */
export interface RecordRow {
  readonly path: string;
  /** `sha256=` and URL-safe base64 without padding; empty when there is none. */
  readonly hash: string;
  readonly size: string;
}

/** What a RECORD says of these bytes. https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file */
export function recordHash(data: Uint8Array): string {
  return `sha256=${createHash('sha256').update(data).digest('base64url')}`;
}

/** Rows of a RECORD; undefined when it is not CSV of at most three columns. */
export function parseRecord(text: string): readonly RecordRow[] | undefined {
  const rows: RecordRow[] = [];
  for (const line of splitRows(text)) {
    if (line === '') continue;
    const fields = splitFields(line);
    const [path, hash = '', size = ''] = fields ?? [];
    if (fields === undefined || path === undefined || path === '' || fields.length > 3) return undefined;
    rows.push({ path, hash, size });
  }
  return rows;
}

/** A RECORD in the order given, each row ended by a line feed. */
export function formatRecord(rows: readonly RecordRow[]): string {
  return rows.map(({ path, hash, size }) => `${quote(path)},${hash},${size}\n`).join('');
}

// Quoted fields may hold line feeds; hardly any file has a quote at all.
function splitRows(text: string): readonly string[] {
  if (!text.includes('"')) return text.split(/\r\n|\n/);
  const rows: string[] = [];
  let start = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '"') quoted = !quoted;
    if (text[index] !== '\n' || quoted) continue;
    rows.push(text.slice(start, index).replace(/\r$/, ''));
    start = index + 1;
  }
  rows.push(text.slice(start));
  return rows;
}

function splitFields(row: string): readonly string[] | undefined {
  if (!row.includes('"')) return row.split(',');
  const fields: string[] = [];
  let rest = row;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest);
    if (match === null) return undefined;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] !== ',') return fields;
    rest = rest.slice(match[0].length);
  }
}

function quote(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

import { CogplanError } from '../../errors.ts';

/** The fields of a wheel's METADATA that resolving needs. */
export interface WheelMetadata {
  readonly name: string;
  readonly version: string;
  /** `Requires-Dist` lines as written. */
  readonly requires: readonly string[];
  readonly requiresPython: string | undefined;
  readonly extras: readonly string[];
}

/** METADATA carries the whole description; larger than this is no description. */
export const MAX_METADATA_SIZE = 16 * 1024 * 1024;

/** https://packaging.python.org/en/latest/specifications/core-metadata/ */
export function parseWheelMetadata(bytes: Uint8Array, subject: string): WheelMetadata {
  const headers = parseHeaders(bytes, subject);
  const values = (name: string): readonly string[] =>
    headers.filter((header) => header.name === name).map((header) => header.value);
  const [name] = values('name');
  const [version] = values('version');
  if (name === undefined || version === undefined) throw invalid(subject, 'it has no Name or no Version');
  return {
    name,
    version,
    requires: values('requires-dist'),
    requiresPython: values('requires-python')[0],
    extras: values('provides-extra'),
  };
}

/** Header fields up to the first empty line, in order, with lower-case names; continuation lines are joined by a space. */
export function parseHeaders(
  bytes: Uint8Array,
  subject: string,
): readonly { readonly name: string; readonly value: string }[] {
  if (bytes.length > MAX_METADATA_SIZE) throw invalid(subject, `it is larger than ${MAX_METADATA_SIZE} bytes`);
  const headers: { name: string; value: string }[] = [];
  for (const line of decode(bytes, subject).split(/\r\n|\n|\r/)) {
    if (line === '') break;
    const last = headers.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) {
      last.value = `${last.value} ${line.trim()}`.trim();
      continue;
    }
    const colon = line.indexOf(':');
    // A description that breaks out of its field ends the headers, as the email parser of Python sees it.
    if (colon <= 0 || /\s/.test(line.slice(0, colon))) break;
    headers.push({ name: line.slice(0, colon).toLowerCase(), value: line.slice(colon + 1).trim() });
  }
  return headers;
}

function decode(bytes: Uint8Array, subject: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CogplanError('COGPLAN_WHEEL_INVALID', `the metadata of ${subject} is not UTF-8`, {
      subject,
      cause: error,
    });
  }
}

function invalid(subject: string, reason: string): CogplanError {
  return new CogplanError('COGPLAN_WHEEL_INVALID', `the metadata of ${subject} is not valid: ${reason}`, { subject });
}

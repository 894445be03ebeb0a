import { compareBytes } from '../../canonical.ts';
import { CogplanError } from '../../errors.ts';

/** The fields of a wheel's METADATA that resolving needs. */
export interface WheelMetadata {
  readonly name: string;
  readonly version: string;
  /** `Requires-Dist` lines as written. */
  readonly requires: readonly string[];
  readonly requiresPython: string | undefined;
  readonly extras: readonly string[];
  /** SPDX expression where there is one, else what the older fields say in a few words. */
  readonly licence: string | undefined;
  /** Authors and maintainers by name, or by address where no name is given; sorted. */
  readonly people: readonly string[];
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
    licence: licenceOf(values),
    people: peopleOf(['author', 'author-email', 'maintainer', 'maintainer-email'].flatMap(values)),
  };
}

type Values = (name: string) => readonly string[];

/** `License` may hold a whole text: only what can be a name is one. Classifiers name several licences where several hold. */
function licenceOf(values: Values): string | undefined {
  const named = [...values('license-expression'), ...values('license')].find(isLicenceName);
  if (named !== undefined) return named;
  const classifiers = values('classifier').flatMap((text) => /^License :: (?:.* :: )?(.+)$/.exec(text)?.[1] ?? []);
  return classifiers.length === 0 ? undefined : [...new Set(classifiers)].sort(compareBytes).join(' and ');
}

const MAX_NAME = 80;
const MOST_PEOPLE = 50;

function isLicenceName(text: string): boolean {
  return text !== '' && text.length <= MAX_NAME && text.toUpperCase() !== 'UNKNOWN';
}

/** Names of `Ada <ada@example.com>, Bob`; an address stands for somebody without a name. */
function peopleOf(fields: readonly string[]): readonly string[] {
  const entries = fields.flatMap((field) => field.match(/(?:"[^"]*"|[^",])+/g) ?? []);
  const names = entries.map((entry) => {
    const [, name = '', address = ''] = /^([^<]*)(?:<([^>]*)>)?/.exec(entry.trim()) ?? [];
    return (name.replaceAll('"', '').trim() || address.trim()).slice(0, MAX_NAME);
  });
  const known = names.filter((name) => name !== '' && name.toUpperCase() !== 'UNKNOWN');
  return [...new Set(known)].sort(compareBytes).slice(0, MOST_PEOPLE);
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

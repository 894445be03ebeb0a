import { CogplanError, isCogplanError, type Where } from '../../errors.ts';
import { formatMarker, type Marker, parseMarker } from './marker.ts';
import { isValidName } from './name.ts';
import { formatSpecifiers, parseSpecifiers, type Specifier } from './specifier.ts';

/** A dependency specifier by PEP 508. Exactly one of `specifiers` (may be empty) and `url` says which versions. */
export interface Requirement {
  /** As written; compare through `normalizeName`. */
  readonly name: string;
  readonly extras: readonly string[];
  readonly specifiers: readonly Specifier[];
  readonly url?: string;
  readonly marker?: Marker;
}

const NAME = /^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*/;
const EXTRAS = /^\[([^\]]*)\]\s*/;
const URL_PART = /^@\s*(\S+?)(?:\s*$|\s+(?=;)|(?=;\s))/;
const MAX_LENGTH = 32_768;

/**
 * Parses `name[extras]specifiers ; marker` or `name[extras] @ url ; marker`; anything else is COGPLAN_REQUIREMENT_INVALID at `where`.
 * https://packaging.python.org/en/latest/specifications/dependency-specifiers/
 */
export function parseRequirement(text: string, where?: Where): Requirement {
  const invalid = (reason: string): CogplanError =>
    new CogplanError(
      'COGPLAN_REQUIREMENT_INVALID',
      `\`${text.trim().slice(0, 200)}\` is not a requirement: ${reason}`,
      {
        where,
        hint: 'A requirement looks like: numpy>=1.26,<2 or name[extra]==1.0 ; python_version < "3.12".',
      },
    );

  if (text.length > MAX_LENGTH) throw invalid('it is too long');
  const nameMatch = NAME.exec(text);
  const name = nameMatch?.[1];
  if (nameMatch === null || name === undefined) throw invalid('it does not start with a package name');
  let rest = text.slice(nameMatch[0].length);

  const extrasMatch = EXTRAS.exec(rest);
  const extras = extrasMatch === null ? [] : parseExtras(extrasMatch[1] ?? '');
  if (extras === undefined) throw invalid('the list of extras is malformed');
  rest = rest.slice(extrasMatch?.[0].length ?? 0);

  if (rest.startsWith('@')) {
    const match = URL_PART.exec(rest);
    const url = match?.[1];
    if (match === null || url === undefined) throw invalid('the URL after "@" is malformed');
    return { name, extras, specifiers: [], url, ...parseMarkerPart(rest.slice(match[0].length)) };
  }

  const semicolon = rest.indexOf(';');
  const versionPart = (semicolon === -1 ? rest : rest.slice(0, semicolon)).trim();
  const inner = versionPart.startsWith('(') && versionPart.endsWith(')') ? versionPart.slice(1, -1) : versionPart;
  const specifiers = parseSpecifiers(inner);
  if (specifiers === undefined) throw invalid(explainSpecifier(inner));
  return { name, extras, specifiers, ...parseMarkerPart(semicolon === -1 ? '' : rest.slice(semicolon)) };

  function parseMarkerPart(part: string): { marker?: Marker } {
    const trimmed = part.trim();
    if (trimmed === '') return {};
    if (!trimmed.startsWith(';')) throw invalid(`"${trimmed.slice(0, 40)}" is not expected there`);
    try {
      return { marker: parseMarker(trimmed.slice(1)) };
    } catch (error) {
      if (!isCogplanError(error, 'COGPLAN_MARKER_INVALID')) throw error;
      throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', error.message, { where, hint: error.hint, subject: name });
    }
  }
}

/** The normal form: `name[a,b]>=1,<2 ; marker` or `name @ url ; marker`. The name stays as written. */
export function formatRequirement(requirement: Requirement): string {
  const { name, extras, specifiers, url, marker } = requirement;
  const bracketed = extras.length === 0 ? '' : `[${[...extras].sort().join(',')}]`;
  const version = url === undefined ? formatSpecifiers(specifiers) : ` @ ${url}`;
  return `${name}${bracketed}${version}${marker === undefined ? '' : ` ; ${formatMarker(marker)}`}`;
}

function parseExtras(list: string): string[] | undefined {
  if (list.trim() === '') return [];
  const extras = list.split(',').map((extra) => extra.trim());
  return extras.every(isValidName) ? extras : undefined;
}

function explainSpecifier(text: string): string {
  if (/^=[^=]/.test(text)) return 'a version is pinned with "==", not "="';
  if (/^[0-9]/.test(text)) return 'an operator such as "==" is missing before the version';
  if (/^[<>=!~].*\s[<>=!~0-9]/.test(text)) return 'clauses are separated by commas';
  return `"${text.slice(0, 60)}" is not a version specifier`;
}

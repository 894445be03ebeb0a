import {
  baseVersion,
  compareRelease,
  compareVersions,
  formatVersion,
  isPrerelease,
  parseVersion,
  type Version,
  withoutLocal,
} from './version.ts';

export type SpecifierOperator = '==' | '!=' | '<=' | '>=' | '<' | '>' | '~=' | '===';

/** One clause of a version specifier, such as `>=1.26` or `==2.0.*`. */
export interface Specifier {
  readonly operator: SpecifierOperator;
  /** As written, without white space. */
  readonly text: string;
  /** Absent for `===`, which compares text. */
  readonly version?: Version;
  /** `==2.0.*` and `!=2.0.*`. */
  readonly wildcard: boolean;
}

const CLAUSE = /^\s*(===|~=|==|!=|<=|>=|<|>)\s*([^\s,;)]+)\s*$/;
const RELEASE_ONLY = /^v?(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*$/i;

/** One clause; undefined when it is not valid by PEP 440. */
export function parseSpecifier(text: string): Specifier | undefined {
  const match = CLAUSE.exec(text);
  const operator = match?.[1] as SpecifierOperator | undefined;
  const operand = match?.[2];
  if (operator === undefined || operand === undefined) return undefined;
  if (operator === '===') return { operator, text: operand, wildcard: false };
  const wildcard = operand.endsWith('.*');
  const version = parseVersion(wildcard ? operand.slice(0, -2) : operand);
  if (version === undefined) return undefined;
  const equality = operator === '==' || operator === '!=';
  if (wildcard && (!equality || !RELEASE_ONLY.test(operand.slice(0, -2)))) return undefined;
  if (!equality && version.local !== undefined) return undefined;
  if (operator === '~=' && version.release.length < 2) return undefined;
  return { operator, text: operand, version, wildcard };
}

/** A comma-separated list; the empty text is the empty list, which everything satisfies. Undefined when any clause is invalid. */
export function parseSpecifiers(text: string): readonly Specifier[] | undefined {
  if (text.trim() === '') return [];
  const specifiers: Specifier[] = [];
  const clauses = text.split(',');
  // One trailing comma is accepted, as other tools do: old metadata has it.
  if (clauses.length > 1 && clauses.at(-1)?.trim() === '') clauses.pop();
  for (const clause of clauses) {
    const specifier = parseSpecifier(clause);
    if (specifier === undefined) return undefined;
    specifiers.push(specifier);
  }
  return specifiers;
}

export function formatSpecifiers(specifiers: readonly Specifier[]): string {
  return specifiers.map((specifier) => `${specifier.operator}${specifier.text}`).join(',');
}

const ADMITTING: ReadonlySet<SpecifierOperator> = new Set(['==', '>=', '<=', '~=', '===']);

/** True when a clause itself names a pre-release as wanted, which by PEP 440 admits pre-releases. */
export function admitsPrereleases(specifiers: readonly Specifier[]): boolean {
  return specifiers.some(({ operator, text, version }) => {
    if (!ADMITTING.has(operator)) return false;
    const named = version ?? parseVersion(text);
    return named !== undefined && isPrerelease(named);
  });
}

/**
 * Whether `version` satisfies every clause. Pre-releases satisfy only if `prereleases` says so; by default, if a clause
 * names one.
 */
export function satisfies(
  version: Version,
  specifiers: readonly Specifier[],
  prereleases: boolean = admitsPrereleases(specifiers),
): boolean {
  if (!prereleases && isPrerelease(version)) return false;
  return specifiers.every((specifier) => satisfiesClause(version, specifier));
}

function satisfiesClause(candidate: Version, specifier: Specifier): boolean {
  const { operator, version } = specifier;
  if (version === undefined) return formatVersion(candidate).toLowerCase() === specifier.text.toLowerCase();
  const publicCandidate = withoutLocal(candidate);
  switch (operator) {
    case '==':
      return equals(candidate, version, specifier.wildcard);
    case '!=':
      return !equals(candidate, version, specifier.wildcard);
    case '<=':
      return compareVersions(publicCandidate, version) <= 0;
    case '>=':
      return compareVersions(publicCandidate, version) >= 0;
    case '<':
      return (
        compareVersions(candidate, version) < 0 &&
        (isPrerelease(version) || !isPrerelease(candidate) || !sameBase(candidate, version))
      );
    case '>':
      return (
        compareVersions(candidate, version) > 0 &&
        (version.post !== undefined || candidate.post === undefined || !sameBase(candidate, version)) &&
        (candidate.local === undefined || !sameBase(candidate, version))
      );
    case '~=':
      return (
        compareVersions(publicCandidate, version) >= 0 &&
        hasPrefix(candidate, { epoch: version.epoch, release: version.release.slice(0, -1) })
      );
    case '===':
      return false;
  }
}

function equals(candidate: Version, version: Version, wildcard: boolean): boolean {
  if (wildcard) return hasPrefix(candidate, version);
  return compareVersions(version.local === undefined ? withoutLocal(candidate) : candidate, version) === 0;
}

function hasPrefix(candidate: Version, prefix: Pick<Version, 'epoch' | 'release'>): boolean {
  const padded = prefix.release.map((_, index) => candidate.release[index] ?? 0);
  return candidate.epoch === prefix.epoch && compareRelease(padded, prefix.release) === 0;
}

function sameBase(a: Version, b: Version): boolean {
  return compareVersions(baseVersion(a), baseVersion(b)) === 0;
}

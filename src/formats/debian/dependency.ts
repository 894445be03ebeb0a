import { CogplanError } from '../../errors.ts';
import { type DebianRelation, parseDebianVersion } from './version.ts';

export interface Dependency {
  readonly name: string;
  /** What follows the colon in `python3:any`. */
  readonly qualifier?: string;
  readonly relation?: DebianRelation;
  readonly version?: string;
}

/** Alternatives, in order of preference; one of them is enough. */
export type DependencyGroup = readonly Dependency[];

const PACKAGE = /^[A-Za-z0-9][A-Za-z0-9+.-]*$/;
const ITEM =
  /^([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s)]+)\s*\))?\s*(?:\[([^\]]*)\])?\s*((?:<[^>]*>\s*)*)$/;

/**
 * A relationship field such as Depends, Breaks or Provides (Debian Policy, 7.1). `architecture` decides restrictions in
 * brackets; build profiles do not occur in binary packages and are ignored. Deprecated `<` and `>` mean `<=` and `>=`.
 */
export function parseDependencies(text: string, architecture: string, what: string): readonly DependencyGroup[] {
  const groups: DependencyGroup[] = [];
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const group = part.split('|').flatMap((item) => parseItem(item.trim(), architecture, what));
    if (group.length > 0) groups.push(group);
  }
  return groups;
}

export function isPackageName(text: string): boolean {
  return PACKAGE.test(text);
}

/** `libc6 (>= 2.36)`, `awk | mawk`: as control files spell it. */
export function formatDependency(group: DependencyGroup): string {
  return group
    .map(({ name, qualifier, relation, version }) => {
      const qualified = qualifier === undefined ? name : `${name}:${qualifier}`;
      return relation === undefined ? qualified : `${qualified} (${relation} ${version ?? ''})`;
    })
    .join(' | ');
}

function parseItem(text: string, architecture: string, what: string): readonly Dependency[] {
  const match = ITEM.exec(text);
  if (match === null) throw dependencyError(text, what);
  const [, name = '', qualifier, operator, version, restriction] = match;
  if (version !== undefined && parseDebianVersion(version) === undefined) throw dependencyError(text, what);
  if (restriction !== undefined && !appliesTo(restriction, architecture)) return [];
  return [
    {
      name,
      ...(qualifier === undefined ? {} : { qualifier }),
      ...(operator === undefined || version === undefined ? {} : { relation: toRelation(operator), version }),
    },
  ];
}

function toRelation(operator: string): DebianRelation {
  if (operator === '<') return '<=';
  if (operator === '>') return '>=';
  return operator as DebianRelation;
}

function appliesTo(restriction: string, architecture: string): boolean {
  const names = restriction.trim().split(/\s+/);
  const matches = (name: string) =>
    name === architecture || name === 'any' || name === 'linux-any' || name === `any-${architecture}`;
  return names.some((name) => name.startsWith('!'))
    ? !names.some((name) => matches(name.slice(1)))
    : names.some((name) => matches(name));
}

function dependencyError(text: string, what: string): CogplanError {
  return new CogplanError('COGPLAN_CONTROL_INVALID', `${what}: cannot read the dependency ${JSON.stringify(text)}`, {
    subject: what,
  });
}

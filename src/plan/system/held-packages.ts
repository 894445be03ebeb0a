import type { CogplanError } from '../../errors.ts';
import type { ClosureProblem } from '../../formats/debian/closure.ts';
import type { PackageRecord } from '../../formats/debian/package-record.ts';
import type { Target } from '../../lock/schema.generated.ts';
import { type AskedPackage, acceptsVersion } from '../../spec/system-packages.ts';
import type { ResolveInput } from '../families.ts';
import { type Held, holdImpossible, mentions, NOTHING_HELD } from '../holds.ts';
import { unknownVersion } from './explain.ts';
import type { LockedDeb } from './kept-packages.ts';
import type { DebianUniverse } from './universe.ts';

type LockedSystem = Pick<Target, 'system'>;

/** The error for a closure that fails because of a held package; undefined when none is involved. */
export function heldBackError(problem: ClosureProblem, held: Held, cause: CogplanError): CogplanError | undefined {
  const words = wordsOf(problem);
  const hold = [...held.system].find(([name]) => words.some((text) => mentions(name, text)))?.[1];
  return hold === undefined ? undefined : holdImpossible(hold, words, cause);
}

/** The locked packages that a new lock should hold on to. */
export function keptNames(
  before: LockedSystem | undefined,
  { options, held = NOTHING_HELD }: Pick<ResolveInput, 'options' | 'held'>,
): readonly LockedDeb[] {
  const moves = (name: string): boolean =>
    options.mode === 'upgrade' || (options.upgradePackages?.includes(name) ?? false);
  return (before?.system.packages ?? []).filter(({ name }) => held.system.has(name) || !moves(name));
}

/** What a held package pins. Throws COGPLAN_HOLD_IMPOSSIBLE when the project asks for another version of it. */
export function heldVersions(
  before: LockedSystem | undefined,
  { held, asked }: { readonly held: Held; readonly asked: readonly AskedPackage[] },
): ReadonlyMap<string, (version: string) => boolean> {
  const pins = new Map<string, (version: string) => boolean>();
  for (const { name, version } of before?.system.packages ?? []) {
    const hold = held.system.get(name);
    if (hold === undefined) continue;
    const refusing = asked.find(
      (item) => item.name === name && item.version !== undefined && !acceptsVersion(item.version, version),
    );
    if (refusing !== undefined) throw holdImpossible(hold, [`build.system_packages asks for ${refusing.text}`]);
    pins.set(name, (candidate) => candidate === version);
  }
  return pins;
}

/**
 * Throws for the first name of which there is no version that will do: COGPLAN_HOLD_IMPOSSIBLE for a held package, otherwise the error of
 * `unknownVersion`.
 */
export function checkAskedVersions(
  asked: readonly AskedPackage[],
  { universe, held, suite }: { readonly universe: DebianUniverse; readonly held: Held; readonly suite: string },
): void {
  for (const item of asked) {
    if (universe.named(item.name).length > 0 || universe.everyVersion(item.name).length === 0) continue;
    const hold = held.system.get(item.name);
    if (hold === undefined) throw unknownVersion(item, universe, suite);
    throw holdImpossible(hold, [`the locked file of ${item.name} can no longer be had`]);
  }
}

/** On a date, only what its indexes have can be held on to. */
export function keepingMode({ mode, asOf }: ResolveInput['options']): ResolveInput['options']['mode'] {
  return asOf !== null && mode === 'keep' ? 'refresh' : mode;
}

/** Throws COGPLAN_HOLD_IMPOSSIBLE for a held package that would come from another file. */
export function checkHeldFiles(records: readonly PackageRecord[], before: LockedSystem | undefined, held: Held): void {
  for (const { name, version, file } of records) {
    const hold = held.system.get(name);
    const locked = before?.system.packages.find((item) => item.name === name);
    if (hold === undefined || locked === undefined || locked.file.sha256 === file.sha256) continue;
    throw holdImpossible(hold, [`the locked file of ${name} ${version} can no longer be had`]);
  }
}

/** What a closure stumbled over, step by step. */
function wordsOf(problem: ClosureProblem): readonly string[] {
  switch (problem.kind) {
    case 'unknown':
    case 'ambiguous':
      return [`no version of ${problem.root} can be had that is allowed`];
    case 'missing':
      return [[...problem.chain, problem.dependency].join(' needs '), `no ${problem.dependency} can be had`];
    case 'conflict':
      return [
        [...problem.chain, problem.dependency].join(' needs '),
        problem.reason,
        `chosen by: ${problem.otherChain.join(' needs ')}`,
      ];
  }
}

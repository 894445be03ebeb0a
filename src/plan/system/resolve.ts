import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { bug } from '../../errors.ts';
import { ChosenPackages, dependencyEdges, resolveClosure } from '../../formats/debian/closure.ts';
import type { PackageRecord } from '../../formats/debian/package-record.ts';
import type { Platform } from '../../lock/platform.ts';
import type { Archive, System, SystemPackage, Tool } from '../../lock/schema.generated.ts';
import type { TrustedKey } from '../../sources/apt/clear-signed.ts';
import { type OpenArchive, openArchive } from '../../sources/apt/open-archive.ts';
import { environmentOf } from '../environment.ts';
import type { ResolveInput, SystemResolution } from '../families.ts';
import { type Held, holdImpossible, NOTHING_HELD } from '../holds.ts';
import { trustedKeysFor } from '../tables/debian-keys/trusted-keys.ts';
import type { DebianSuite } from '../tables/debian-suites.ts';
import { type AskedPackage, acceptsVersion, parseAskedPackages } from './asked-packages.ts';
import { checkPatchVersion, chooseSuite } from './choose-suite.ts';
import { explainProblem, unknownVersion } from './explain.ts';
import { checkHeldFiles, heldBackError, heldVersions, keptNames } from './held-packages.ts';
import { findKeptPackages, type LockedDeb } from './kept-packages.ts';
import { readMaintainerScripts, type ScriptHashes } from './maintainer-scripts.ts';
import { findOlderEvidence } from './older-evidence.ts';
import { DebianUniverse } from './universe.ts';

const ARCHITECTURES: Readonly<Record<Platform, string>> = { 'linux/amd64': 'amd64', 'linux/arm64': 'arm64' };

/** Roots of the archives without trailing slashes, and the keys that may sign their suites. */
export interface DebianSources {
  readonly main: { readonly url: string; readonly keys: readonly TrustedKey[] };
  readonly security: { readonly url: string; readonly keys: readonly TrustedKey[] };
}

const DEBIAN: DebianSources = {
  main: { url: 'https://deb.debian.org/debian', keys: trustedKeysFor('main') },
  security: { url: 'https://deb.debian.org/debian-security', keys: trustedKeysFor('security') },
};

/**
 * Base, interpreter and system packages: all of them .debs of the suite whose Python is the one asked for. Each group is
 * closed over its dependencies on top of the ones before, so that the base of two projects is the same whatever they ask.
 */
export async function resolveSystem(
  context: Context,
  input: ResolveInput,
  sources: DebianSources = DEBIAN,
): Promise<SystemResolution> {
  const { spec, platform, previous, options, held = NOTHING_HELD } = input;
  const architecture = ARCHITECTURES[platform];
  const suite = chooseSuite(spec.pythonVersion);
  if (held.suite !== undefined && previous !== undefined && previous.base.suite !== suite.name) {
    const forced = `build.python_version ${spec.pythonVersion.value} needs Debian ${suite.name}, locked is ${previous.base.suite}`;
    throw holdImpossible(held.suite, [forced]);
  }
  const asked = parseAskedPackages(spec.systemPackages, architecture);
  const archives = await openArchives(context, {
    sources,
    suite,
    architecture,
    previous: previous?.system.archives ?? [],
  });
  try {
    const indexes = archives.map(({ index }) => index);
    const before = previous?.base.suite === suite.name ? previous : undefined;
    const keep = (packages: readonly LockedDeb[], mode = options.mode) =>
      findKeptPackages(context, { packages, indexes, mode, architecture });
    // What is held is kept even where everything else is taken anew.
    const kept = await keep(keptNames(before, input), options.mode === 'upgrade' ? 'keep' : options.mode);
    const pins = new Map([...pinsOf(asked), ...heldVersions(before, { held, asked })]);
    const universe = new DebianUniverse({ indexes, kept, pins });
    for (const item of asked) {
      const wanting = universe.named(item.name).length === 0 && universe.everyVersion(item.name).length > 0;
      const hold = held.system.get(item.name);
      if (wanting && hold !== undefined)
        throw holdImpossible(hold, [`the locked file of ${item.name} can no longer be had`]);
      if (wanting) throw unknownVersion(item, universe, suite.name);
    }
    const groups = resolveGroups({ universe, suite, asked, architecture, held });
    const interpreter = interpreterOf(groups.interpreter, suite);
    checkPatchVersion(spec.pythonVersion, interpreter.version, suite);
    const all = [...groups.base, ...groups.interpreter, ...groups.system];
    checkHeldFiles(all, before, held);
    const scripts = await readMaintainerScripts(context, all, suite.name);
    const olderArchives = await findOlderEvidence(context, {
      packages: all.filter((record) => record === kept.get(record.name)),
      indexes,
      archives: before?.system.archives ?? [],
      architecture,
    });
    const system: System = {
      archives: [...archives.map(({ entry }) => entry), ...olderArchives],
      packages: lockPackages({ groups, asked, scripts, providersOf: (name) => providedBy(universe, name) }),
    };
    const tools = before === undefined ? [] : debTools(input.previousTools ?? [], platform);
    const toolUniverse = new DebianUniverse({ indexes, kept: await keep(tools), pins: new Map() });
    return {
      base: {
        kind: 'debian',
        suite: suite.name,
        why: `Debian ${suite.release} (${suite.name}) brings Python ${suite.python}`,
      },
      interpreter,
      system,
      tools: sandboxTools({ universe: toolUniverse, suite, asked: [], architecture, platform, held: NOTHING_HELD }),
      environment: environmentOf({ interpreter, system }, platform),
    };
  } finally {
    for (const { index } of archives) index.close();
  }
}

/** Tools come as .debs and as wheels; the others are not this family's. */
function debTools(tools: readonly Tool[], platform: Platform): readonly Tool[] {
  return tools.filter(({ host, file }) => host === platform && file.url.endsWith('.deb'));
}

interface ArchivesInput {
  readonly sources: DebianSources;
  readonly suite: DebianSuite;
  readonly architecture: string;
  readonly previous: readonly Archive[];
}

async function openArchives(
  context: Context,
  { sources, suite, architecture, previous }: ArchivesInput,
): Promise<readonly OpenArchive[]> {
  const wanted = [
    { ...sources.main, suite: suite.name },
    { ...sources.main, suite: `${suite.name}-updates` },
    { ...sources.security, suite: `${suite.name}-security` },
  ];
  const opened = await Promise.allSettled(
    wanted.map((archive) =>
      openArchive(context, {
        ...archive,
        component: 'main',
        architecture,
        previous: latest(previous.filter((entry) => entry.url === archive.url && entry.suite === archive.suite)),
      }),
    ),
  );
  const archives = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = opened.find((result) => result.status === 'rejected');
  if (failure === undefined) return archives;
  for (const { index } of archives) index.close();
  throw failure.reason;
}

function latest(entries: readonly Archive[]): Archive | undefined {
  return [...entries].sort((a, b) => compareBytes(a.date, b.date)).at(-1);
}

interface Groups {
  readonly base: readonly PackageRecord[];
  readonly interpreter: readonly PackageRecord[];
  readonly system: readonly PackageRecord[];
}

interface GroupsInput {
  readonly universe: DebianUniverse;
  readonly suite: DebianSuite;
  readonly asked: readonly AskedPackage[];
  readonly architecture: string;
  readonly held: Held;
}

function resolveGroups(input: GroupsInput): Groups {
  const { universe, suite, asked } = input;
  const base = close(input, [], [...universe.essentialNames(), ...suite.base]);
  const interpreter = close(input, base, ['python3', ...suite.interpreter]);
  const names = asked.map(({ name }) => name);
  return { base, interpreter, system: close(input, [...base, ...interpreter], names) };
}

function close(
  input: GroupsInput,
  installed: readonly PackageRecord[],
  roots: readonly string[],
): readonly PackageRecord[] {
  const result = resolveClosure({ universe: input.universe, installed, roots });
  if (result.kind === 'closure') return result.packages;
  const { problem } = result;
  const error = explainProblem({ ...input, suite: input.suite.name, problem });
  throw heldBackError(problem, input.held, error) ?? error;
}

function pinsOf(asked: readonly AskedPackage[]): ReadonlyMap<string, (version: string) => boolean> {
  const pins = new Map<string, (version: string) => boolean>();
  for (const { name, version } of asked) {
    if (version === undefined) continue;
    const before = pins.get(name);
    pins.set(name, (candidate) => acceptsVersion(version, candidate) && (before?.(candidate) ?? true));
  }
  return pins;
}

function interpreterOf(packages: readonly PackageRecord[], suite: DebianSuite): SystemResolution['interpreter'] {
  const name = `python${suite.python}`;
  const record = packages.find((candidate) => candidate.name === name);
  const version = /^(?:\d+:)?(\d+\.\d+\.\d+)/.exec(record?.version ?? '')?.[1];
  if (version === undefined) throw bug(`no version of ${name}`);
  return {
    version,
    provider: 'debian',
    path: `/usr/bin/${name}`,
    why: `build.python_version ${suite.python}: the interpreter of Debian ${suite.name}`,
  };
}

interface LockPackagesInput {
  readonly groups: Groups;
  readonly asked: readonly AskedPackage[];
  readonly scripts: ReadonlyMap<string, ScriptHashes>;
  readonly providersOf: (name: string) => readonly string[];
}

function lockPackages({ groups, asked, scripts, providersOf }: LockPackagesInput): SystemPackage[] {
  const { base, interpreter, system } = groups;
  const chosen = new ChosenPackages([...base, ...interpreter, ...system]);
  const askedBy = new Map<string, string>();
  for (const { name, text } of asked) {
    const own = chosen.get(name) === undefined ? providersOf(name).find((provider) => chosen.get(provider)) : name;
    if (own !== undefined && !askedBy.has(own)) askedBy.set(own, `build.system_packages: ${text}`);
  }
  return Object.entries(groups)
    .flatMap(([group, records]: [string, readonly PackageRecord[]]) =>
      records.map((record) => ({ group: group as SystemPackage['group'], record })),
    )
    .sort((a, b) => compareBytes(a.record.name, b.record.name))
    .map(({ group, record }) => {
      const askedHere = askedBy.get(record.name);
      return {
        name: record.name,
        version: record.version,
        architecture: record.architecture,
        group,
        file: record.file,
        ...(askedHere === undefined ? {} : { asked: askedHere }),
        depends: [...dependencyEdges(record, chosen)],
        scripts: scripts.get(record.file.sha256) ?? {},
      };
    });
}

function providedBy(universe: DebianUniverse, name: string): readonly string[] {
  return universe.providing(name).map((record) => record.name);
}

/** bubblewrap and what it needs, for hosts that have none: unpacked in the store, never part of an image. */
function sandboxTools({ platform, ...input }: GroupsInput & { readonly platform: Platform }): readonly Tool[] {
  return close(input, [], ['bubblewrap']).map(({ name, version, file }) => ({ name, version, host: platform, file }));
}

import type { Context } from '../../context.ts';
import { bug } from '../../errors.ts';
import { resolveClosure } from '../../formats/debian/closure.ts';
import type { PackageRecord } from '../../formats/debian/package-record.ts';
import type { Platform } from '../../lock/platform.ts';
import type { System, Tool } from '../../lock/schema.generated.ts';
import type { AskedPackage } from '../../spec/system-packages.ts';
import { environmentOf } from '../environment.ts';
import type { ResolveInput, SystemResolution } from '../families.ts';
import { type Held, NOTHING_HELD } from '../holds.ts';
import type { choosePython } from '../interpreter/choose-python.ts';
import { fetchStandalone } from '../interpreter/fetch-standalone.ts';
import { keptStandalone } from '../interpreter/kept-standalone.ts';
import type { DebianSuite } from '../tables/debian-suites.ts';
import { checkPatchVersion } from './choose-suite.ts';
import { explainProblem, isUnknown, unknownPackages } from './explain.ts';
import {
  checkAskedVersions,
  checkHeldFiles,
  heldBackError,
  heldVersions,
  keepingMode,
  keptNames,
} from './held-packages.ts';
import { findKeptPackages, type LockedDeb } from './kept-packages.ts';
import { tellLeavingNames } from './leaving-names.ts';
import { lockPackages } from './lock-packages.ts';
import { readMaintainerScripts } from './maintainer-scripts.ts';
import { findOlderEvidence } from './older-evidence.ts';
import type { OpenArchives } from './open-archives.ts';
import { pinsOf } from './pins.ts';
import { checkRecommends, type TakesRecommended, takesRecommended } from './recommendations.ts';
import { DebianUniverse } from './universe.ts';

export interface OnSuite {
  /** Closed when this returns. */
  readonly archives: OpenArchives;
  readonly asked: readonly AskedPackage[];
  readonly architecture: string;
  readonly suite: DebianSuite;
  readonly standalone: ReturnType<typeof choosePython>['standalone'];
}

/** The resolution itself, from the archives' indexes. */
export async function resolveOnSuite(
  context: Context,
  input: ResolveInput,
  { archives, asked, architecture, suite, standalone }: OnSuite,
): Promise<SystemResolution> {
  const { spec, platform, previous, options, held = NOTHING_HELD } = input;
  const lockedSuite = previous?.base.kind === 'debian' ? previous.base.suite : undefined;
  try {
    const { indexes } = archives;
    const before = lockedSuite === suite.name ? previous : undefined;
    const keep = (packages: readonly LockedDeb[], mode = keepingMode(options)) =>
      findKeptPackages(context, { packages, indexes, mode, architecture });
    // What is held is kept even where everything else is taken anew.
    const kept = await keep(keptNames(before, input), options.mode === 'upgrade' ? 'keep' : keepingMode(options));
    const pins = new Map([...pinsOf(asked, archives), ...heldVersions(before, { held, asked })]);
    const universe = new DebianUniverse({ indexes, kept, pins });
    checkAskedVersions(asked, { universe, held, suite: `Debian ${suite.name}` });
    const unknown = asked.filter(({ name }) => isUnknown(universe, name) && !held.system.has(name));
    if (unknown.length > 0) {
      throw unknownPackages(unknown, { universe, suite: `Debian ${suite.name}`, architecture });
    }
    const groups = resolveGroups({
      universe,
      suite,
      asked,
      architecture,
      held,
      isStandalone: standalone !== undefined,
      recommends: takesRecommended(spec),
    });
    checkRecommends(spec, groups.system);
    tellLeavingNames(context.host, { asked, universe, suite: suite.name });
    const interpreter =
      standalone === undefined
        ? interpreterOf(groups.interpreter, suite)
        : (keptStandalone(input) ??
          (await fetchStandalone(context, standalone, {
            asked: spec.pythonVersion,
            otherwise: 'no Debian suite has it',
          })));
    if (standalone === undefined) checkPatchVersion(spec.pythonVersion, interpreter.version, suite);
    const all = [...groups.base, ...groups.interpreter, ...groups.system];
    checkHeldFiles(all, before, held);
    const scripts = await readMaintainerScripts(context, {
      packages: all,
      suite: suite.name,
      unknown: spec.settings.values.configure ?? 'refused',
      archives: archives.entries,
    });
    const olderArchives = await findOlderEvidence(context, {
      packages: all.filter((record) => record === kept.get(record.name)),
      indexes,
      archives: before?.system.archives ?? [],
      architecture,
    });
    const system: System = {
      archives: [...archives.entries, ...olderArchives],
      packages: lockPackages({ groups, asked, scripts, universe, recommends: takesRecommended(spec) }),
    };
    const tools = before === undefined ? [] : debTools(input.previousTools ?? [], platform);
    const toolUniverse = new DebianUniverse({ indexes, kept: await keep(tools), pins: new Map() });
    const base = {
      kind: 'debian',
      suite: suite.name,
      why:
        standalone === undefined
          ? `Debian ${suite.release} (${suite.name}) brings Python ${suite.python}`
          : `Debian ${suite.release} (${suite.name}) is what standalone interpreters stand on`,
    } as const;
    return {
      base,
      interpreter,
      system,
      tools: sandboxTools({ universe: toolUniverse, suite, asked: [], architecture, platform, held: NOTHING_HELD }),
      environment: environmentOf({ base, interpreter, system }, platform),
    };
  } finally {
    archives.close();
  }
}

/** Tools come as .debs and as wheels; the others are not this family's. */
function debTools(tools: readonly Tool[], platform: Platform): readonly Tool[] {
  return tools.filter(({ host, file }) => host === platform && file.url.endsWith('.deb'));
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
  /** The interpreter is not Debian's. */
  readonly isStandalone?: boolean;
  readonly recommends?: TakesRecommended;
}

function resolveGroups(input: GroupsInput): Groups {
  const { universe, suite, asked } = input;
  const base = close(input, [], [...universe.essentialNames(), ...suite.base]);
  const interpreter = input.isStandalone === true ? [] : close(input, base, ['python3', ...suite.interpreter]);
  const names = asked.map(({ name }) => name);
  return { base, interpreter, system: close(input, [...base, ...interpreter], names, input.recommends) };
}

function close(
  input: GroupsInput,
  installed: readonly PackageRecord[],
  roots: readonly string[],
  recommends: TakesRecommended = () => false,
): readonly PackageRecord[] {
  const result = resolveClosure({ universe: input.universe, installed, roots, takesRecommended: recommends });
  if (result.kind === 'closure') return result.packages;
  const { problem } = result;
  const error = explainProblem({ ...input, suite: `Debian ${input.suite.name}`, problem });
  throw heldBackError(problem, input.held, error) ?? error;
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

/** bubblewrap and what it needs, for hosts that have none: unpacked in the store, never part of an image. */
function sandboxTools({ platform, ...input }: GroupsInput & { readonly platform: Platform }): readonly Tool[] {
  return close(input, [], ['bubblewrap']).map(({ name, version, file }) => ({ name, version, host: platform, file }));
}

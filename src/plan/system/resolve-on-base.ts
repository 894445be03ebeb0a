import type { Context } from '../../context.ts';
import { resolveClosure } from '../../formats/debian/closure.ts';
import type { PackageFacts } from '../../formats/debian/package-record.ts';
import type { System } from '../../lock/schema.generated.ts';
import type { AskedPackage } from '../../spec/system-packages.ts';
import type { ResolveOptions } from '../families.ts';
import { type Held, NOTHING_HELD } from '../holds.ts';
import type { ArchiveSource } from './archive-sources.ts';
import { explainProblem, isUnknown, unknownPackages } from './explain.ts';
import {
  checkAskedVersions,
  checkHeldFiles,
  heldBackError,
  heldVersions,
  keepingMode,
  keptNames,
} from './held-packages.ts';
import { findKeptPackages } from './kept-packages.ts';
import { lockPackages } from './lock-packages.ts';
import { readMaintainerScripts } from './maintainer-scripts.ts';
import { findOlderEvidence } from './older-evidence.ts';
import { openArchives } from './open-archives.ts';
import { pinsOf } from './pins.ts';
import type { TakesRecommended } from './recommendations.ts';
import { DebianUniverse } from './universe.ts';

export interface OnBaseInput {
  /** The archives of the base's own distribution, and those that the project names. */
  readonly sources: readonly ArchiveSource[];
  /** `Ubuntu jammy`, for messages. */
  readonly distribution: string;
  /** `jammy`: maintainer scripts may ask for it. */
  readonly suite: string;
  readonly architecture: string;
  /** The base's dpkg database (`readDpkgStatus`). */
  readonly installed: readonly PackageFacts[];
  readonly asked: readonly AskedPackage[];
  /** Names that the project does not ask for and the image needs. */
  readonly also?: readonly string[];
  /** Of the lock before, when it was made for the same suite. */
  readonly previous: System | undefined;
  /** What becomes of packages whose maintainer scripts are not understood; default: refused. */
  readonly configure?: 'refused' | 'sealed';
  readonly recommends?: TakesRecommended;
  readonly options: Pick<ResolveOptions, 'mode' | 'asOf' | 'upgradePackages'>;
  /** What has to stay as it is locked; absent: nothing. */
  readonly held?: Held;
}

/**
 * What `apt-get install` would add to a base that has packages already, all of group `system`. A package whose name the base
 * has replaces it with a newer version; nothing is removed. COGPLAN_SYSTEM_PACKAGE_UNKNOWN, COGPLAN_SYSTEM_PACKAGE_VERSION,
 * COGPLAN_SYSTEM_UNSATISFIABLE, COGPLAN_SCRIPT_UNKNOWN, COGPLAN_HOLD_IMPOSSIBLE, and those of the archives. Without packages, no archive is asked.
 */
export async function resolveOnBase(context: Context, input: OnBaseInput): Promise<System> {
  const {
    sources,
    distribution,
    suite,
    architecture,
    installed,
    asked,
    previous,
    options,
    configure = 'refused',
    held = NOTHING_HELD,
    also = [],
    recommends = () => false,
  } = input;
  if (asked.length + also.length === 0) return { archives: [], packages: [] };
  const archives = await openArchives(context, {
    sources,
    architecture,
    previous: previous?.archives ?? [],
    asOf: options.asOf,
  });
  try {
    const { indexes } = archives;
    const mode = keepingMode(options);
    const before = previous === undefined ? undefined : { system: previous };
    // What is held is kept even where everything else is taken anew.
    const packages = keptNames(before, { options, held });
    const keeping = options.mode === 'upgrade' ? 'keep' : mode;
    const kept = await findKeptPackages(context, { packages, indexes, mode: keeping, architecture });
    const pins = new Map([...pinsOf(asked, archives), ...heldVersions(before, { held, asked })]);
    const universe = new DebianUniverse({ indexes, kept, pins });
    checkAskedVersions(asked, { universe, held, suite: distribution });
    const unknown = asked.filter(({ name }) => isUnknown(universe, name));
    if (unknown.length > 0) throw unknownPackages(unknown, { universe, suite: distribution, architecture });
    const roots = [...asked.map(({ name }) => name), ...also];
    const result = resolveClosure({ universe, installed, roots, replaceable: true, takesRecommended: recommends });
    if (result.kind === 'failed') {
      const { problem } = result;
      const error = explainProblem({ problem, asked, universe, suite: distribution, architecture });
      throw heldBackError(problem, held, error) ?? error;
    }
    checkHeldFiles(result.packages, before, held);
    const scripts = await readMaintainerScripts(context, {
      packages: result.packages,
      suite,
      unknown: configure,
      archives: archives.entries,
    });
    const olderArchives = await findOlderEvidence(context, {
      packages: result.packages.filter((record) => record === kept.get(record.name)),
      indexes,
      archives: previous?.archives ?? [],
      architecture,
    });
    return {
      archives: [...archives.entries, ...olderArchives],
      packages: lockPackages({ groups: { system: result.packages }, asked, scripts, universe, installed, recommends }),
    };
  } finally {
    archives.close();
  }
}

import { canonicalJson, type Json } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import { ChosenPackages, dependencyEdges, resolveClosure } from '../../formats/debian/closure.ts';
import type { PackageFacts } from '../../formats/debian/package-record.ts';
import type { Archive, ImageBase, SystemPackage, Target } from '../../lock/schema.generated.ts';
import { openIndex } from '../../sources/apt/find-archive.ts';
import type { ArchiveSource } from '../system/archive-sources.ts';
import { explainProblem } from '../system/explain.ts';
import { findKeptPackages } from '../system/kept-packages.ts';
import { readMaintainerScripts } from '../system/maintainer-scripts.ts';
import { openArchives } from '../system/open-archives.ts';
import { DebianUniverse, type IndexReader } from '../system/universe.ts';
import { baseArchives } from './base-archives.ts';
import { openLockedBase } from './locked-base.ts';

export interface ToolchainOnBaseInput {
  readonly base: ImageBase;
  readonly target: Pick<Target, 'interpreter' | 'system'>;
  readonly architecture: string;
  /** The toolchain of the lock before, which is kept where it can be. */
  readonly previous: readonly SystemPackage[];
  /** What it consists of, where the base has it not yet. */
  readonly roots: readonly string[];
  /** RFC 3339 instant: nothing newer is considered. */
  readonly asOf: string | null;
  /** What becomes of packages whose maintainer scripts are not understood. */
  readonly configure: 'refused' | 'sealed';
}

export interface ToolchainOnBase {
  readonly packages: readonly SystemPackage[];
  /** Archives that vouch for them, which the system's packages did not need. */
  readonly archives: readonly Archive[];
}

/**
 * What a base of Debian or Ubuntu lacks of a toolchain, on top of what it and the image's system packages have. The archives are taken in the state in which the
 * system was chosen from them, where it was. COGPLAN_BASE_UNSUPPORTED for a base without such packages or archives, and the errors of `openArchives`.
 */
export async function toolchainOnBase(context: Context, input: ToolchainOnBaseInput): Promise<ToolchainOnBase> {
  const { base, target, architecture, previous, roots } = input;
  const { tree, probed } = await openLockedBase(context, base, target.interpreter, architecture);
  const { suite, mergedUsr, distribution, release } = base.facts;
  const refuse = (problem: string): CogplanError =>
    new CogplanError('COGPLAN_BASE_UNSUPPORTED', `nothing can be built on the base ${base.image}: ${problem}`, {
      subject: base.image,
      hint: 'Choose versions that have wheels, or a base of Debian or Ubuntu; without `base` in cogplan.yaml the image stands on Debian packages.',
    });
  if (probed.installed.length === 0 || suite === undefined) throw refuse('it has no packages of Debian or Ubuntu');
  if (!mergedUsr) throw refuse('its /bin and /usr/bin are apart');
  const sources = await baseArchives(context, tree, { facts: base.facts, architecture });
  if (sources.length === 0) throw refuse('it names no archive that there is a key for');
  const opened = await openStates(context, sources, input);
  try {
    const { indexes } = opened;
    const kept = await findKeptPackages(context, {
      packages: [...target.system.packages, ...previous],
      indexes,
      mode: 'keep',
      architecture,
    });
    const own = new Map(target.system.packages.map(({ name, version }) => [name, version]));
    const pins = new Map([...own].map(([name, version]) => [name, (other: string) => other === version] as const));
    const universe = new DebianUniverse({ indexes, kept, pins });
    const added: readonly PackageFacts[] = target.system.packages.flatMap(({ name }) => kept.get(name) ?? []);
    const installed = [...probed.installed.filter(({ name }) => !own.has(name)), ...added];
    const result = resolveClosure({ universe, installed, roots: [...roots], replaceable: true });
    if (result.kind === 'failed') {
      const name = `${distribution} ${release} (${suite})`;
      throw explainProblem({ universe, suite: name, asked: [], architecture, problem: result.problem });
    }
    const chosen = new ChosenPackages([
      ...installed.filter(({ name }) => !result.packages.some((record) => record.name === name)),
      ...result.packages,
    ]);
    const scripts = await readMaintainerScripts(context, {
      packages: result.packages,
      suite,
      unknown: input.configure,
    });
    const locked = new Set([...own.keys(), ...result.packages.map(({ name }) => name)]);
    return {
      archives: opened.archives,
      packages: result.packages.map((record) => ({
        name: record.name,
        version: record.version,
        architecture: record.architecture,
        group: 'system',
        file: record.file,
        depends: dependencyEdges(record, chosen).filter((name) => locked.has(name)),
        scripts: scripts.get(record.file.sha256)?.hashes ?? {},
        ...(scripts.get(record.file.sha256)?.unknown === undefined ? {} : { configure: 'sealed' as const }),
      })),
    };
  } finally {
    opened.close();
  }
}

interface OpenStates {
  readonly indexes: readonly IndexReader[];
  readonly archives: readonly Archive[];
  close(): void;
}

async function openStates(
  context: Context,
  sources: readonly ArchiveSource[],
  { target, architecture, asOf }: ToolchainOnBaseInput,
): Promise<OpenStates> {
  const { archives } = target.system;
  const states = sources.map(({ url, suite, component }) =>
    archives.find((entry) => entry.url === url && entry.suite === suite && entry.component === component),
  );
  const known = states.filter((state) => state !== undefined);
  if (known.length === sources.length) {
    const indexes = await Promise.all(known.map((archive) => openIndex(context, archive, architecture)));
    return {
      indexes,
      archives: [],
      close: () => {
        for (const index of indexes) index.close();
      },
    };
  }
  const opened = await openArchives(context, { sources, architecture, previous: archives, asOf });
  const text = (archive: Archive): string => canonicalJson(archive as unknown as Json);
  const there = new Set(archives.map(text));
  const added = opened.entries.filter((entry) => !there.has(text(entry)));
  return { indexes: opened.indexes, archives: added, close: opened.close };
}

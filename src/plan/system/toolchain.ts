import type { Context } from '../../context.ts';
import { bug } from '../../errors.ts';
import { ChosenPackages, dependencyEdges, resolveClosure } from '../../formats/debian/closure.ts';
import type { Platform } from '../../lock/platform.ts';
import type { Archive, SystemPackage, Target } from '../../lock/schema.generated.ts';
import { openIndex } from '../../sources/apt/find-archive.ts';
import { explainProblem } from './explain.ts';
import { findKeptPackages } from './kept-packages.ts';
import { readMaintainerScripts } from './maintainer-scripts.ts';
import { DebianUniverse } from './universe.ts';

export interface ResolvedToolchain {
  readonly packages: readonly SystemPackage[];
  /** Archives that vouch for them beside those of the system: of an image base that needed none. */
  readonly archives: readonly Archive[];
}

export interface ToolchainInput {
  readonly target: Pick<Target, 'base' | 'interpreter' | 'system'>;
  readonly platform: Platform;
  /** The toolchain of the lock before, which is kept where it can be. */
  readonly previous: readonly SystemPackage[];
  /** RFC 3339 instant: nothing newer is considered. */
  readonly asOf: string | null;
  /** What becomes of packages whose maintainer scripts are not understood; default: refused. */
  readonly configure?: 'refused' | 'sealed' | undefined;
}

const COMPILERS = ['g++', 'gcc', 'libc6-dev', 'make', 'pkg-config'];

/**
 * What C and C++ extensions are compiled with: Debian packages on top of a resolved system, from the archives in the state that the system itself was chosen from. Headers of Debian's own Python
 * are among them.
 */
export async function resolveToolchain(context: Context, input: ToolchainInput): Promise<ResolvedToolchain> {
  const { target, platform, previous, asOf, configure = 'refused' } = input;
  const architecture = platform.slice(platform.indexOf('/') + 1);
  const roots = [...COMPILERS, ...pythonHeaders(target)];
  if (target.base.kind === 'image') {
    const { toolchainOnBase } = await import('../base/toolchain-on-base.ts');
    return toolchainOnBase(context, { base: target.base, target, architecture, previous, roots, asOf, configure });
  }
  const { suite } = target.base;
  const indexes = await Promise.all(target.system.archives.map((archive) => openIndex(context, archive, architecture)));
  try {
    const locked = [...target.system.packages, ...previous];
    const kept = await findKeptPackages(context, { packages: locked, indexes, mode: 'keep', architecture });
    const universe = new DebianUniverse({ indexes, kept, pins: new Map() });
    const installed = target.system.packages.map(({ name }) => {
      const record = kept.get(name);
      if (record === undefined) throw bug(`${name} is locked, and neither an index nor the store has it`);
      return record;
    });
    const result = resolveClosure({ universe, installed, roots });
    if (result.kind === 'failed') {
      throw explainProblem({ universe, suite, asked: [], architecture, problem: result.problem });
    }
    const chosen = new ChosenPackages([...installed, ...result.packages]);
    const scripts = await readMaintainerScripts(context, { packages: result.packages, suite, unknown: configure });
    const packages = result.packages.map((record) => ({
      name: record.name,
      version: record.version,
      architecture: record.architecture,
      group: 'system' as const,
      file: record.file,
      depends: [...dependencyEdges(record, chosen)],
      scripts: scripts.get(record.file.sha256)?.hashes ?? {},
      ...(scripts.get(record.file.sha256)?.unknown === undefined ? {} : { configure: 'sealed' as const }),
    }));
    return { packages, archives: [] };
  } finally {
    for (const index of indexes) index.close();
  }
}

/** A standalone interpreter brings its own, and so does one that a base has built itself. */
function pythonHeaders({ interpreter }: ToolchainInput['target']): readonly string[] {
  const { provider, path } = interpreter;
  if (provider !== 'debian' && (provider !== 'base' || !path.startsWith('/usr/bin/'))) return [];
  return [`libpython${interpreter.version.split('.').slice(0, 2).join('.')}-dev`];
}

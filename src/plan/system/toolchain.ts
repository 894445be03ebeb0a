import type { Context } from '../../context.ts';
import { bug, CogplanError } from '../../errors.ts';
import { ChosenPackages, dependencyEdges, resolveClosure } from '../../formats/debian/closure.ts';
import type { Platform } from '../../lock/platform.ts';
import type { SystemPackage, Target } from '../../lock/schema.generated.ts';
import { openIndex } from '../../sources/apt/find-archive.ts';
import { explainProblem } from './explain.ts';
import { findKeptPackages } from './kept-packages.ts';
import { readMaintainerScripts } from './maintainer-scripts.ts';
import { DebianUniverse } from './universe.ts';

export interface ToolchainInput {
  readonly target: Pick<Target, 'base' | 'interpreter' | 'system'>;
  readonly platform: Platform;
  /** The toolchain of the lock before, which is kept where it can be. */
  readonly previous: readonly SystemPackage[];
}

const COMPILERS = ['g++', 'gcc', 'libc6-dev', 'make', 'pkg-config'];

/**
 * What C and C++ extensions are compiled with: Debian packages on top of a resolved system, from the archives in the state that the system itself was chosen from. Headers of Debian's own Python
 * are among them.
 */
export async function resolveToolchain(context: Context, input: ToolchainInput): Promise<readonly SystemPackage[]> {
  const { target, platform, previous } = input;
  if (target.base.kind !== 'debian') {
    throw new CogplanError('COGPLAN_BUILD_FAILED', `nothing can be built on the base ${target.base.image}`, {
      subject: target.base.image,
      hint: 'Packages without a wheel need a base of Debian packages: leave base out of cogplan.yaml, or choose versions that have wheels.',
    });
  }
  const { suite } = target.base;
  const architecture = platform.slice(platform.indexOf('/') + 1);
  const indexes = await Promise.all(target.system.archives.map((archive) => openIndex(context, archive, architecture)));
  try {
    const packages = [...target.system.packages, ...previous];
    const kept = await findKeptPackages(context, { packages, indexes, mode: 'keep', architecture });
    const universe = new DebianUniverse({ indexes, kept, pins: new Map() });
    const installed = target.system.packages.map(({ name }) => {
      const record = kept.get(name);
      if (record === undefined) throw bug(`${name} is locked, and neither an index nor the store has it`);
      return record;
    });
    const roots = [...COMPILERS, ...pythonHeaders(target)];
    const result = resolveClosure({ universe, installed, roots });
    if (result.kind === 'failed') {
      throw explainProblem({ universe, suite, asked: [], architecture, problem: result.problem });
    }
    const chosen = new ChosenPackages([...installed, ...result.packages]);
    const scripts = await readMaintainerScripts(context, { packages: result.packages, suite, unknown: 'refused' });
    return result.packages.map((record) => ({
      name: record.name,
      version: record.version,
      architecture: record.architecture,
      group: 'system',
      file: record.file,
      depends: [...dependencyEdges(record, chosen)],
      scripts: scripts.get(record.file.sha256)?.hashes ?? {},
    }));
  } finally {
    for (const index of indexes) index.close();
  }
}

/** A standalone interpreter brings its own. */
function pythonHeaders({ interpreter }: ToolchainInput['target']): readonly string[] {
  if (interpreter.provider !== 'debian') return [];
  return [`libpython${interpreter.version.split('.').slice(0, 2).join('.')}-dev`];
}

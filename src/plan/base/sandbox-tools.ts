import { canonicalJson, type Json } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { resolveClosure } from '../../formats/debian/closure.ts';
import type { Archive, Tool } from '../../lock/schema.generated.ts';
import type { ResolveInput } from '../families.ts';
import { DEBIAN, debianSources } from '../system/archive-sources.ts';
import { explainProblem } from '../system/explain.ts';
import { findKeptPackages } from '../system/kept-packages.ts';
import { findOlderEvidence } from '../system/older-evidence.ts';
import { openArchives } from '../system/open-archives.ts';
import { DebianUniverse } from '../system/universe.ts';

/** The suite that bubblewrap is taken from where the base is no suite of Debian's. It runs with a libc of its own. */
const SUITE = 'bookworm';

export interface SandboxTools {
  readonly tools: readonly Tool[];
  /** Where signatures vouch for them. */
  readonly archives: readonly Archive[];
}

/**
 * bubblewrap and what it needs, for hosts that have none: never part of the image, and the same whatever the base is. Those of the lock before
 * are kept where they can be. Errors are those of the archives.
 */
export async function sandboxToolsFor(context: Context, input: ResolveInput): Promise<SandboxTools> {
  const { platform, previous, previousTools = [], options } = input;
  const architecture = platform.slice(platform.indexOf('/') + 1);
  const before = previous?.system.archives ?? [];
  const opened = await openArchives(context, {
    sources: debianSources(DEBIAN, SUITE),
    architecture,
    previous: before,
    asOf: options.asOf,
  });
  try {
    const { indexes } = opened;
    const packages = previousTools.filter(({ host, file }) => host === platform && file.url.endsWith('.deb'));
    const mode = options.asOf !== null && options.mode === 'keep' ? 'refresh' : options.mode;
    const kept = await findKeptPackages(context, { packages, indexes, mode, architecture });
    const universe = new DebianUniverse({ indexes, kept, pins: new Map() });
    const result = resolveClosure({ universe, installed: [], roots: ['bubblewrap'] });
    if (result.kind === 'failed') {
      const suite = `Debian ${SUITE}`;
      throw explainProblem({ problem: result.problem, asked: [], universe, suite, architecture });
    }
    const older = await findOlderEvidence(context, {
      packages: result.packages.filter((record) => record === kept.get(record.name)),
      indexes,
      archives: before,
      architecture,
    });
    return {
      tools: result.packages.map(({ name, version, file }) => ({ name, version, host: platform, file })),
      archives: [...opened.entries, ...older],
    };
  } finally {
    opened.close();
  }
}

/** The archives of the base's packages, and after them those of the tools that are not among them. */
export function withToolArchives(own: readonly Archive[], tools: readonly Archive[]): Archive[] {
  const text = (archive: Archive): string => canonicalJson(archive as unknown as Json);
  const there = new Set(own.map(text));
  return [...own, ...tools.filter((archive) => !there.has(text(archive)))];
}

import type { Context } from '../../context.ts';
import type { Platform } from '../../lock/platform.ts';
import { parseAskedPackages } from '../../spec/system-packages.ts';
import type { ResolveInput, SystemResolution } from '../families.ts';
import { holdImpossible, NOTHING_HELD } from '../holds.ts';
import { choosePython } from '../interpreter/choose-python.ts';
import { DEBIAN, type DebianSources, debianSources } from './archive-sources.ts';
import { namedArchives } from './named-archives.ts';
import { findArchives } from './open-archives.ts';
import { rememberResolution } from './remembered-resolution.ts';

const ARCHITECTURES: Readonly<Record<Platform, string>> = { 'linux/amd64': 'amd64', 'linux/arm64': 'arm64' };

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
  const { suite, standalone } = choosePython(spec, platform);
  const lockedSuite = previous?.base.kind === 'debian' ? previous.base.suite : undefined;
  if (held.suite !== undefined && lockedSuite !== undefined && lockedSuite !== suite.name) {
    const forced = `build.python_version ${spec.pythonVersion.value} needs Debian ${suite.name}, locked is ${lockedSuite}`;
    throw holdImpossible(held.suite, [forced]);
  }
  if (held.suite !== undefined && previous?.base.kind === 'image') {
    throw holdImpossible(held.suite, [`cogplan.yaml names no base, locked is ${previous.base.image}`]);
  }
  const asked = parseAskedPackages(spec.systemPackages, architecture);
  const found = await findArchives(context, {
    sources: [...debianSources(sources, suite.name), ...(await namedArchives(context, spec))],
    architecture,
    previous: previous?.system.archives ?? [],
    asOf: options.asOf,
  });
  return rememberResolution(context, { ...input, archives: found.entries }, async (host) => {
    const { resolveOnSuite } = await import('./resolve-on-suite.ts');
    return resolveOnSuite({ ...context, host }, input, {
      archives: await found.open(),
      asked,
      architecture,
      suite,
      standalone,
    });
  });
}

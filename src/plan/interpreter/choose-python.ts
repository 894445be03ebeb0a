import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { asSha256, isSha256, type Sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import type { Platform } from '../../lock/platform.ts';
import type { Spec } from '../../spec/spec.ts';
import { DEBIAN_SUITES, type DebianSuite } from '../tables/debian-suites.ts';

/** A build of CPython that needs nothing but glibc. */
export interface StandaloneBuild {
  readonly version: string;
  readonly build: string;
  /** Asked in this order. */
  readonly urls: readonly [string, ...string[]];
  readonly sha256: Sha256;
}

export interface PythonChoice {
  readonly suite: DebianSuite;
  /** Absent: the suite's own Python. */
  readonly standalone?: StandaloneBuild;
}

/** Where an interpreter that is not Debian's stands on: the suite with the newest glibc that has always been taken. */
const STANDALONE_SUITE = 'bookworm';

/**
 * The suite whose own Python is the one asked for, or else a standalone build on bookworm. Builds that the project names itself (`interpreter.builds`) go before everything.
 * COGPLAN_PYTHON_UNAVAILABLE names the versions that there are.
 */
export function choosePython(
  { pythonVersion, settings }: Pick<Spec, 'pythonVersion' | 'settings'>,
  platform: Platform,
): PythonChoice {
  const { value, where } = pythonVersion;
  const own = ownBuild({ pythonVersion, settings }, platform);
  if (own !== undefined) return standalone(own);
  const suite = DEBIAN_SUITES.find(({ python, patch }) => value === python || value === patch);
  if (suite !== undefined) return { suite };
  const found = publishedBuild({ pythonVersion, settings }, platform);
  if (found !== undefined) return standalone(found);
  const suites = DEBIAN_SUITES.flatMap(({ patch }) => patch ?? []);
  throw unavailable(value, where, [...knownVersions({ pythonVersion, settings }, platform), ...suites]);
}

type Asked = Pick<Spec, 'pythonVersion' | 'settings'>;

/** The newest build for `build.python_version` among those that the project names itself. */
export function ownBuild({ pythonVersion, settings }: Asked, platform: Platform): StandaloneBuild | undefined {
  return newest(ownBuilds(settings, platform).filter(({ version }) => fits(pythonVersion.value, version)));
}

/** The newest build for `build.python_version` among those of python-build-standalone. */
export function publishedBuild({ pythonVersion, settings }: Asked, platform: Platform): StandaloneBuild | undefined {
  return newest(published(settings, platform).filter(({ version }) => fits(pythonVersion.value, version)));
}

/** Every version that there is a standalone build of. */
export function knownVersions({ settings }: Asked, platform: Platform): readonly string[] {
  return [...ownBuilds(settings, platform), ...published(settings, platform)].map(({ version }) => version);
}

function ownBuilds(settings: Spec['settings'], platform: Platform): readonly StandaloneBuild[] {
  const { builds = [] } = settings.values.interpreter ?? {};
  return builds
    .filter((row) => `linux/${row.architecture ?? 'amd64'}` === platform)
    .map(({ python, url, sha256 }) => ({ version: python, build: 'own', urls: [url], sha256: asSha256(sha256) }));
}

function standalone(build: StandaloneBuild): PythonChoice {
  const suite = DEBIAN_SUITES.find(({ name }) => name === STANDALONE_SUITE) ?? DEBIAN_SUITES[0];
  if (suite === undefined) throw new Error('no Debian suite');
  return { suite, standalone: build };
}

const TABLE = new URL('../tables/python-builds.json', import.meta.url);

const tableShape = z.object({
  prefix: z.url(),
  builds: z.array(
    z.object({
      python: z.string(),
      architecture: z.enum(['amd64', 'arm64']),
      build: z.string(),
      path: z.string(),
      sha256: z.string().refine(isSha256),
    }),
  ),
});

function published(settings: Spec['settings'], platform: Platform): readonly StandaloneBuild[] {
  const { mirror } = settings.values.interpreter ?? {};
  const table = tableShape.parse(JSON.parse(readFileSync(TABLE, 'utf8')));
  return table.builds
    .filter((row) => `linux/${row.architecture}` === platform)
    .map(({ python, build, path, sha256 }) => {
      const url = `${table.prefix}${path}`;
      const mirrored = mirror === undefined ? undefined : `${mirror.replace(/\/*$/, '/')}${path}`;
      return {
        version: python,
        build,
        urls: mirrored === undefined ? [url] : [mirrored, url],
        sha256: asSha256(sha256),
      };
    });
}

/** `3.10` is any 3.10. */
function fits(asked: string, version: string): boolean {
  return asked === version || version.startsWith(`${asked}.`);
}

function newest(builds: readonly StandaloneBuild[]): StandaloneBuild | undefined {
  return [...builds].sort((a, b) => compare(a.version, b.version)).at(-1);
}

function compare(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => text.split('.').map(Number));
  return [0, 1, 2].map((at) => (x?.[at] ?? 0) - (y?.[at] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** COGPLAN_PYTHON_UNAVAILABLE for a version that none of `versions` is. */
export function unavailable(value: string, where: CogplanError['where'], versions: readonly string[]): CogplanError {
  const minor = value.split('.').slice(0, 2).join('.');
  const all = [...new Set(versions)].sort(compare);
  const near = all.filter((version) => fits(minor, version));
  const minors = [...new Set(all.map((version) => version.split('.').slice(0, 2).join('.')))];
  const available = near.length > 0 ? near : minors;
  return new CogplanError('COGPLAN_PYTHON_UNAVAILABLE', `there is no build of Python ${value}`, {
    subject: value,
    where,
    hint: `Ask for ${near.length > 0 ? `"${minor}", or one of ` : ''}${available.join(', ')} in build.python_version; or name a build of your own in interpreter.builds of cogplan.yaml.`,
    data: { available },
  });
}

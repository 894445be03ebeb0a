import { type BuildPlace, buildRecipe, type WheelBuild } from '../../../apply/wheel-build/build-recipe.ts';
import {
  askBuildRequirements,
  type BuildFailure,
  type BuildMeans,
  buildWheel,
  readSourceBuildSystem,
} from '../../../apply/wheel-build/build-wheel.ts';
import type { Context } from '../../../context.ts';
import { CogplanError, type Where } from '../../../errors.ts';
import { info, withSpan } from '../../../events.ts';
import { withZipFile } from '../../../formats/archive/zip-file.ts';
import { normalizeName } from '../../../formats/python/name.ts';
import { parseRequirement } from '../../../formats/python/requirement.ts';
import { wheelFilename } from '../../../formats/python/wheel-filename.ts';
import { parseWheelMetadata, type WheelMetadata } from '../../../formats/python/wheel-metadata.ts';
import type { BuildRequirement, Built, BuiltSource, File } from '../../../lock/schema.generated.ts';
import { acceleratorTable } from '../../accelerator/table.ts';
import { cudaExtension } from './cuda-extensions.ts';
import { findRemedy, type Remedy } from './remedies.ts';

export interface BuilderOptions extends BuildMeans {
  readonly place: () => Promise<BuildPlace>;
  /** Wheels for what a build needs, with all that those need. */
  readonly resolve: (
    context: Context,
    requirements: readonly string[],
    constraints: readonly string[],
  ) => Promise<readonly BuildRequirement[]>;
  /** Versions of what the model itself gets, as constraints: a project that imports torch while it is built has to see the model's. */
  readonly modelVersions: (context: Context, without: readonly string[]) => Promise<readonly string[]>;
}

export interface BuiltPackage {
  readonly name: string;
  readonly version: string;
  readonly file: File;
  readonly built: Built;
  /** `Requires-Dist` lines. */
  readonly requires: readonly string[];
  /** The METADATA file itself. */
  readonly metadata: Buffer;
  /** Versions of the model's that it was built with, such as `torch==2.4.0`. */
  readonly against: readonly string[];
}

export interface PackageToBuild {
  readonly source: BuiltSource;
  /** For messages. */
  readonly what: string;
  readonly where?: Where | undefined;
  /** `KEY=VALUE` for the build backend; absent: none. */
  readonly settings?: readonly string[] | undefined;
}

const MAX_ATTEMPTS = 6;
const LOG_LINES = 25;
const MAX_METADATA = 16 * 1024 * 1024;
/** The last setuptools that modules of old can import everything from. */
const LEGACY_CONSTRAINTS = ['setuptools<81'];

/**
 * Builds a source into a wheel for the target. What the project needs and does not say is added when its log tells, and recorded like the rest. COGPLAN_BUILD_FAILED carries the end of
 * the log and the known remedy.
 */
export async function buildPackage(
  context: Context,
  { source, what, where, settings }: PackageToBuild,
  options: BuilderOptions,
): Promise<BuiltPackage> {
  return withSpan(context.host, 'build.wheel', `Building ${what}`, async () => {
    const place = await options.place();
    const system = await readSourceBuildSystem(context, { source, what });
    const constraints = system.legacy ? LEGACY_CONSTRAINTS : [];
    const wanted = new Set(system.requires);
    const against = new Set<string>();
    let dynamic: readonly string[] = [];
    for (let attempt = 0; ; attempt++) {
      const requires = await options.resolve(context, [...wanted, ...dynamic], [...constraints, ...against]);
      const build: WheelBuild = { what, source, requires, settings, place };
      const asked = await askBuildRequirements(context, build, options);
      if (asked.kind === 'requires' && asked.requires.some((item) => !wanted.has(item) && !dynamic.includes(item))) {
        dynamic = asked.requires;
        if (attempt < MAX_ATTEMPTS) continue;
      }
      const outcome = asked.kind === 'failed' ? asked : await buildWheel(context, build, options);
      if (outcome.kind === 'built') return describe(context, build, outcome.file, [...against]);
      const remedy = findRemedy(outcome.log);
      if (remedy?.kind !== 'require' || wanted.has(remedy.requirement) || attempt >= MAX_ATTEMPTS) {
        throw buildFailed(outcome, { what, where, remedy: (await remedyByName(context, what, options)) ?? remedy });
      }
      const name = normalizeName(parseRequirement(remedy.requirement).name);
      info(context.host, 'build.requirement', `${what} is built with ${remedy.requirement} as well: ${remedy.why}`);
      for (const item of [...wanted]) if (namesIt(item, name)) wanted.delete(item);
      wanted.add(remedy.requirement);
      for (const pin of await options.modelVersions(context, [what])) if (namesIt(pin, name)) against.add(pin);
    }
  });
}

/** What the log cannot tell: projects that compile CUDA stop at whatever they miss first. */
async function remedyByName(context: Context, what: string, options: BuilderOptions): Promise<Remedy | undefined> {
  const name = normalizeName(what.split(' ')[0] ?? '');
  if (cudaExtension(name, { torch: undefined, cuda: undefined }) === undefined) return undefined;
  const pins = await options.modelVersions(context, [what]).catch(() => []);
  const torch = pins.find((pin) => namesIt(pin, 'torch'))?.split('==')[1];
  const cuda = acceleratorTable().torch.find(({ version }) => version === torch?.split('+')[0])?.pypi;
  const text = cudaExtension(name, { torch, cuda: cuda ?? undefined });
  return text === undefined ? undefined : { kind: 'advice', text };
}

function namesIt(requirement: string, name: string): boolean {
  try {
    return normalizeName(parseRequirement(requirement).name) === name;
  } catch {
    return false;
  }
}

async function describe(
  context: Context,
  build: WheelBuild,
  file: File,
  against: readonly string[],
): Promise<BuiltPackage> {
  const filename = wheelFilename(file);
  const bytes = readMetadata(await context.store.verified(file.sha256, file.size, filename), filename);
  const metadata: WheelMetadata = parseWheelMetadata(bytes, filename);
  return {
    name: normalizeName(metadata.name),
    version: metadata.version,
    file,
    built: {
      source: build.source,
      requires: [...build.requires],
      ...(build.settings === undefined ? {} : { settings: [...build.settings] }),
      recipe: buildRecipe(build),
    },
    requires: metadata.requires,
    metadata: bytes,
    against,
  };
}

function readMetadata(path: string, filename: string): Buffer {
  return withZipFile(path, (zip) => {
    const entry = zip.entries.find(({ name }) => /^[^/]+\.dist-info\/METADATA$/.test(name));
    if (entry === undefined) {
      throw new CogplanError('COGPLAN_WHEEL_INVALID', `${filename} has no METADATA`, { subject: filename });
    }
    return zip.readMember(entry, MAX_METADATA);
  });
}

function buildFailed(
  { log, code }: BuildFailure,
  { what, where, remedy }: Pick<PackageToBuild, 'what' | 'where'> & { readonly remedy: Remedy | undefined },
): CogplanError {
  const advice = remedy?.kind === 'advice' ? remedy : undefined;
  const lines = log.trim().split('\n').slice(-LOG_LINES);
  return new CogplanError(
    'COGPLAN_BUILD_FAILED',
    `${what} has no wheel for the target and could not be built (exit code ${code}):\n${lines.join('\n')}`,
    {
      subject: what,
      where,
      hint: advice?.text ?? 'Choose a version that has a wheel, or read the log above for what the build misses.',
      data: { log, ...(advice?.packages === undefined ? {} : { systemPackages: advice.packages }) },
    },
  );
}

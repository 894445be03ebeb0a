import type { Context } from '../../../context.ts';
import { CogplanError, type Where } from '../../../errors.ts';
import { info } from '../../../events.ts';
import { normalizeName } from '../../../formats/python/name.ts';
import { formatRequirement, parseRequirement } from '../../../formats/python/requirement.ts';
import { formatVersion } from '../../../formats/python/version.ts';
import { parseWheelFilename, wheelFilename } from '../../../formats/python/wheel-filename.ts';
import { rankTags, rankWheel, type WheelEnvironment } from '../../../formats/python/wheel-tags.ts';
import type { IndexFile } from '../../../sources/pypi/index-file.ts';
import { readProject } from '../../../sources/pypi/project-page.ts';
import type { CompileOutcome } from '../../../sources/uv/compile.ts';
import { withCredentials } from '../describe-file.ts';
import { isOutOfReach, isReplaceable } from '../offer.ts';
import { admitsPython, type Misfits } from '../python-bounds.ts';
import type { Root } from '../roots.ts';
import { routeOf, type Sources } from '../routes.ts';
import type { BuilderOptions, BuiltPackage } from './builder.ts';
import { type LocalIndex, openLocalIndex } from './local-index.ts';
import { locateSource } from './locate-source.ts';
import { type BuildReference, describeReference, referenceOfUrl } from './reference.ts';
import {
  fetchSourceDistribution,
  sourceDistributions,
  sourceVersion,
  versionsWithWheel,
} from './source-distribution.ts';

export interface BuildsInput {
  readonly environment: WheelEnvironment;
  readonly roots: readonly Root[];
  /** Names whose wheels are not to be taken. */
  readonly noBinary: readonly string[];
  /** The only names that may be built for want of a wheel; absent: all. */
  readonly only?: ReadonlySet<string>;
  readonly sources: Sources;
  readonly asOf: string | null;
  /** Versions not to be taken. */
  readonly misfits?: Misfits | undefined;
  readonly projectDirectory: string;
  readonly builder: BuilderOptions;
  /** Asks the resolver; `index` is to be asked before every other. */
  readonly compile: (change: {
    readonly roots: readonly Root[];
    readonly overrides: readonly string[];
    readonly buildIndex: string | undefined;
  }) => Promise<CompileOutcome>;
}

export interface BuildsOutcome {
  readonly outcome: CompileOutcome;
  /** Roots with the names and URLs that the resolver was given. */
  readonly roots: readonly Root[];
  /** By name. */
  readonly built: ReadonlyMap<string, BuiltPackage>;
}

/** How often a resolution may turn up further packages without wheel. */
const MAX_ROUNDS = 25;
/** Of the Pythons that an image can have: 3.7 to 3.14. */
const MINORS = [7, 8, 9, 10, 11, 12, 13, 14];

/**
 * Resolves requirements of which some have no wheel. Sources that are named directly are built first. Where the resolver then fails for want of a wheel, the projects that its reasoning is about
 * are offered as builds, and are built when the resolver asks for their metadata. A wheel that fits is always taken before a build, except for names in `noBinary`.
 */
export async function compileWithBuilds(context: Context, input: BuildsInput): Promise<BuildsOutcome> {
  const run = new BuildRun(context, input);
  try {
    return await run.resolve();
  } finally {
    await run.close();
  }
}

class BuildRun {
  readonly #context: Context;
  readonly #input: BuildsInput;
  readonly #direct = new Map<string, BuiltPackage>();
  /** Builds of offered projects, by `name version`. */
  readonly #builds = new Map<string, Promise<BuiltPackage>>();
  readonly #offered = new Set<string>();
  readonly #overrides: string[] = [];
  #failure: unknown;
  #index: LocalIndex | undefined;

  constructor(context: Context, input: BuildsInput) {
    this.#context = context;
    this.#input = input;
  }

  async resolve(): Promise<BuildsOutcome> {
    const roots: Root[] = [];
    for (const root of this.#input.roots) roots.push(await this.#buildRoot(root));
    for (const name of this.#input.noBinary) await this.#offer(normalizeName(name), true);
    for (let round = 0; ; round++) {
      const outcome = await this.#compile(roots);
      if (outcome.kind === 'resolved') return { outcome, roots, built: await this.#chosen(outcome) };
      const more = round < MAX_ROUNDS && (await this.#offerMore(outcome));
      if (!more) return { outcome, roots, built: new Map() };
    }
  }

  async close(): Promise<void> {
    await this.#index?.close();
  }

  async #compile(roots: readonly Root[]): Promise<CompileOutcome> {
    try {
      return await this.#input.compile({ roots, overrides: this.#overrides, buildIndex: this.#index?.url });
    } catch (error) {
      // What the resolver says of a file that it did not get is not what went wrong.
      throw this.#failure ?? error;
    }
  }

  /** A root that names a source, as one that names the wheel that was built from it. */
  async #buildRoot(root: Root): Promise<Root> {
    const reference =
      root.source ?? (root.requirement.url === undefined ? undefined : referenceOfUrl(root.requirement.url));
    if (reference === undefined || root.wheel !== undefined) return root;
    const item = await this.#buildReference(reference, root);
    if (root.name !== '' && root.name !== item.name) {
      throw new CogplanError(
        'COGPLAN_BUILD_SOURCE',
        `${describeReference(reference)} is ${item.name}, not ${root.name}`,
        {
          subject: root.name,
          where: root.where,
          hint: `Write ${item.name} in the requirement.`,
        },
      );
    }
    const { extras } = root.requirement;
    const requirement = { name: item.name, extras, specifiers: [], url: await this.#publish(item) };
    return { ...root, name: item.name, requirement, text: formatRequirement(requirement) };
  }

  async #buildReference(
    reference: BuildReference,
    { where, settings }: Pick<Root, 'where' | 'settings'>,
  ): Promise<BuiltPackage> {
    const { projectDirectory, builder } = this.#input;
    const source = await locateSource(this.#context, reference, { directory: projectDirectory, where });
    const what = describeReference(reference);
    const { buildPackage } = await import('./builder.ts');
    const item = await buildPackage(this.#context, { source, what, where, settings }, builder);
    this.#direct.set(item.name, item);
    // What a source requires by the URL of another source cannot be left to the resolver.
    for (const line of item.requires) await this.#buildNested(line, where);
    return item;
  }

  async #buildNested(line: string, where: Where | undefined): Promise<void> {
    const requirement = readRequirement(line);
    const reference = requirement?.url === undefined ? undefined : referenceOfUrl(requirement.url);
    if (requirement === undefined || reference === undefined) return;
    const name = normalizeName(requirement.name);
    if (this.#direct.has(name)) return;
    const item = await this.#buildReference(reference, where === undefined ? {} : { where });
    this.#overrides.push(`${name} @ ${await this.#publish(item)}`);
  }

  async #publish(item: BuiltPackage): Promise<string> {
    this.#index ??= await openLocalIndex();
    const { file } = item;
    const path = await this.#context.store.verified(file.sha256, file.size, `the wheel of ${item.name}`);
    return this.#index.publish({ filename: wheelFilename(file), path, size: file.size });
  }

  /** Offers builds of what the reasoning says has no wheel, or is merely about; false when nothing is left to offer. */
  async #offerMore({
    withoutWheel,
    explanation,
  }: CompileOutcome & { readonly kind: 'unsatisfiable' }): Promise<boolean> {
    const named = withoutWheel.map(({ name }) => name);
    const mentioned = [...explanation.matchAll(/\b[a-z0-9]+(?:[-_.][a-z0-9]+)*(?=[<>=!~]|\s|$)/g)].map(
      ([name]) => name,
    );
    let more = false;
    for (const name of new Set([...named, ...mentioned].map(normalizeName))) {
      if (this.#offered.has(name) || this.#direct.has(name) || this.#input.only?.has(name) === false) continue;
      if (!named.includes(name) && !this.#isPackage(name, explanation)) continue;
      more = (await this.#offer(name, false)) || more;
    }
    return more;
  }

  #isPackage(name: string, explanation: string): boolean {
    return this.#input.roots.some((root) => root.name === name) || new RegExp(`\\b${name}[<>=!~]`).test(explanation);
  }

  /** Whether the project has a version that can be built and that no wheel stands for. */
  async #offer(name: string, withoutWheels: boolean): Promise<boolean> {
    this.#offered.add(name);
    const page = await this.#readProject(name);
    const taken = withoutWheels ? new Set<string>() : versionsWithWheel(page.files, rankTags(this.#input.environment));
    const sources = sourceDistributions(name, page.files).filter(({ version }) => !taken.has(version));
    if (sources.length === 0) return false;
    this.#index ??= await openLocalIndex();
    const builds = sources.map(({ version, file }) => ({
      version,
      ...(file.requiresPython === undefined ? {} : { requiresPython: file.requiresPython }),
      ...(file.uploadTime === undefined ? {} : { uploadTime: file.uploadTime }),
      ...(file.yanked === undefined ? {} : { yanked: file.yanked }),
      metadata: async () => {
        const key = `${name} ${version}`;
        const build =
          this.#builds.get(key) ??
          fetchSourceDistribution(this.#context, file, withCredentials(file.url, page.source)).then(async (source) => {
            if (!withoutWheels) this.#tellOtherPythons(name, version, page.files);
            const { buildPackage } = await import('./builder.ts');
            return buildPackage(this.#context, { source, what: key, ...this.#wishesFor(name) }, this.#input.builder);
          });
        this.#builds.set(key, build);
        return (
          await build.catch((error: unknown) => {
            this.#failure ??= error;
            throw error;
          })
        ).metadata;
      },
    }));
    const wheels = withoutWheels ? [] : page.files.filter(({ filename }) => filename.endsWith('.whl'));
    this.#index.offer(name, wheels, builds);
    return true;
  }

  /** A build may take long, and another Python may need none. */
  #tellOtherPythons(name: string, version: string, files: readonly IndexFile[]): void {
    const { environment } = this.#input;
    const wheels = files.flatMap(({ filename }) => {
      const wheel = parseWheelFilename(filename);
      return wheel !== undefined && formatVersion(wheel.version) === version ? [wheel] : [];
    });
    const minors = MINORS.filter((minor) => {
      const ranks = rankTags({ ...environment, version: `3.${minor}.0` });
      return wheels.some((wheel) => rankWheel(wheel, ranks) !== undefined);
    });
    if (minors.length === 0) return;
    const pythons = minors.map((minor) => `3.${minor}`).join(', ');
    const text = `${name} ${version} has no wheel for Python ${environment.version} and is built from its source; it has wheels for ${pythons} (build.python_version)`;
    info(this.#context.host, 'build.otherwise', text);
  }

  /** What the first index that knows a project lists of it. */
  async #readProject(name: string): Promise<{ readonly files: readonly IndexFile[]; readonly source: string }> {
    const { sources, asOf, environment, misfits } = this.#input;
    for (const source of routeOf(sources, name).indexes) {
      const files =
        (await readProject(this.#context, source, name).catch((error: unknown) => {
          if (isReplaceable(sources, source) && isOutOfReach(error)) return undefined;
          throw error;
        })) ?? [];
      if (files.length === 0) continue;
      const limit = asOf === null ? Number.POSITIVE_INFINITY : Date.parse(asOf);
      const isThere = ({ uploadTime, requiresPython, filename }: IndexFile): boolean =>
        (uploadTime === undefined || Date.parse(uploadTime) <= limit) &&
        admitsPython(requiresPython, environment.version) &&
        misfits?.get(name)?.has(versionOf(name, filename)) !== true;
      return { files: files.filter(isThere), source };
    }
    return { files: [], source: '' };
  }

  /** Where the project names a package, and how it is to be built. */
  #wishesFor(name: string): Pick<Root, 'where' | 'settings'> {
    const roots = this.#input.roots.filter((root) => root.name === name);
    const settings = roots.flatMap((root) => root.settings ?? []);
    const where = roots[0]?.where;
    return { ...(where === undefined ? {} : { where }), ...(settings.length === 0 ? {} : { settings }) };
  }

  async #chosen(outcome: CompileOutcome & { readonly kind: 'resolved' }): Promise<ReadonlyMap<string, BuiltPackage>> {
    const built = new Map<string, BuiltPackage>();
    for (const { name, files } of outcome.packages) {
      const direct = this.#direct.get(name);
      if (direct !== undefined) built.set(name, direct);
      const found = files.map(({ url }) => this.#index?.find(url)).find((item) => item !== undefined);
      const build = found === undefined ? undefined : this.#builds.get(`${found.name} ${found.version}`);
      if (build !== undefined) built.set(name, await build);
    }
    return built;
  }
}

function versionOf(name: string, filename: string): string {
  const wheel = parseWheelFilename(filename);
  return wheel === undefined ? (sourceVersion(name, filename) ?? '') : formatVersion(wheel.version);
}

function readRequirement(line: string) {
  try {
    return parseRequirement(line);
  } catch {
    return undefined;
  }
}

import type { Context } from '../../context.ts';
import { fromDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { info, warn, withSpan } from '../../events.ts';
import type { ImageBase, Interpreter, System } from '../../lock/schema.generated.ts';
import { storeBaseLayers } from '../../sources/oci/base-layers.ts';
import { blobUrl, formatReference, type ImageReference } from '../../sources/oci/reference.ts';
import { resolveImage } from '../../sources/oci/resolve-image.ts';
import type { Spec } from '../../spec/spec.ts';
import { parseAskedPackages } from '../../spec/system-packages.ts';
import type { ResolveInput, SystemResolution } from '../families.ts';
import { holdImpossible } from '../holds.ts';
import { knownVersions, ownBuild, publishedBuild, unavailable } from '../interpreter/choose-python.ts';
import { fetchStandalone } from '../interpreter/fetch-standalone.ts';
import { keptStandalone } from '../interpreter/kept-standalone.ts';
import type { ArchiveSource } from '../system/archive-sources.ts';
import { namedArchives } from '../system/named-archives.ts';
import { checkRecommends, takesRecommended } from '../system/recommendations.ts';
import { resolveOnBase } from '../system/resolve-on-base.ts';
import { baseArchives } from './base-archives.ts';
import { type BaseTree, openBaseTree } from './base-tree.ts';
import { type ProbedBase, probeBase } from './probe-base.ts';
import { sandboxToolsFor, withToolArchives } from './sandbox-tools.ts';

/**
 * Base, interpreter and system packages of a project that stands on an image of a registry. The image is looked up by its tag only when it is new
 * in the lock, or on an upgrade; its layers are read once, to learn what it has. Errors: those of `resolveImage` and `storeBaseLayers`,
 * COGPLAN_BASE_UNUSABLE, COGPLAN_PYTHON_UNAVAILABLE.
 */
export async function resolveOnImage(
  context: Context,
  input: ResolveInput,
  reference: ImageReference,
): Promise<SystemResolution> {
  const { platform } = input;
  const image = formatReference(reference);
  const before = keptBase(input, image);
  const found = before ?? (await lookUp(context, reference, platform));
  const { base, probed, tree } = await withSpan(context.host, 'resolve.base', `Reading ${image}`, () =>
    probe(context, found, input),
  );
  if (before === undefined) {
    info(context.host, 'resolve.base', `${image}: ${base.tagged}, ${base.facts.distribution} ${base.facts.release}`);
  }
  const interpreter =
    (before === undefined ? undefined : keptStandalone(input)) ??
    (await interpreterOf(context, input, { image, probed }));
  const system = await systemOn(context, input, { base, probed, tree });
  const { tools, archives } = await sandboxToolsFor(context, input);
  const { version, path } = interpreter;
  return {
    base,
    interpreter,
    system: { ...system, archives: withToolArchives(system.archives, archives) },
    tools,
    environment: { version, path, platform, glibc: base.facts.glibc },
  };
}

type FoundBase = Omit<ImageBase, 'facts' | 'layers'> & {
  readonly layers: readonly (Omit<ImageBase['layers'][number], 'size'> & { readonly size?: number })[];
};

/** The base of the lock before, while it has the same name: until an upgrade, and over one where it is held. */
function keptBase({ previous, options, held }: ResolveInput, image: string): ImageBase | undefined {
  const base = previous?.base;
  const hold = held?.suite;
  if (base?.kind === 'image' && base.image === image)
    return options.mode !== 'upgrade' || hold !== undefined ? base : undefined;
  if (hold !== undefined && base !== undefined) {
    const locked = base.kind === 'image' ? base.image : `Debian ${base.suite}`;
    throw holdImpossible(hold, [`cogplan.yaml names the base ${image}, locked is ${locked}`]);
  }
  return undefined;
}

async function lookUp(context: Context, reference: ImageReference, platform: string): Promise<FoundBase> {
  const found = await withSpan(context.host, 'resolve.image', `Looking up ${formatReference(reference)}`, () =>
    resolveImage(context, reference, platform),
  );
  const fileOf = ({ digest, size }: { readonly digest: `sha256:${string}`; readonly size: number }) => ({
    url: blobUrl(reference, digest),
    sha256: fromDigest(digest),
    size,
  });
  const { created } = found.document;
  const name = formatReference(reference);
  return {
    kind: 'image',
    image: name,
    tagged: found.tagged,
    ...(created == null || Number.isNaN(Date.parse(created)) ? {} : { created }),
    manifest: fileOf(found.manifest),
    config: fileOf(found.config),
    layers: found.layers.map((layer) => ({
      file: fileOf(layer),
      compression: layer.compression,
      diffId: layer.diffId,
    })),
    env: [...(found.document.config?.Env ?? [])].filter((entry) => /^[A-Za-z_][A-Za-z0-9_]*=[^\0\n]*$/.test(entry)),
    why: `base: ${name}`,
  };
}

async function probe(context: Context, found: FoundBase, { spec, platform }: ResolveInput): Promise<OnImage> {
  const sizes = await storeBaseLayers(context, found.layers, found.image);
  const layers = found.layers.map((layer, index) => ({ ...layer, size: sizes[index] ?? 0 }));
  const tree = openBaseTree(
    layers.map(({ diffId }, index) => ({
      file: context.store.blobPath(fromDigest(diffId)),
      what: `layer ${index + 1} of ${found.image}`,
    })),
  );
  const probed = probeBase({
    tree,
    image: found.image,
    env: found.env,
    architecture: platform.slice(platform.indexOf('/') + 1),
    python: minorOf(spec.pythonVersion.value),
  });
  const { kind, image, tagged, created, manifest, config, env, why } = found;
  return {
    base: {
      kind,
      image,
      tagged,
      ...(created === undefined ? {} : { created }),
      manifest,
      config,
      layers,
      facts: probed.facts,
      env,
      why,
    },
    probed,
    tree,
  };
}

/**
 * The interpreter that the project names itself, or the base's own, or else a standalone build. A build is not laid over another
 * of the same minor version at its place: modules of both would mix.
 */
async function interpreterOf(
  context: Context,
  { spec, platform }: ResolveInput,
  { image, probed }: { readonly image: string; readonly probed: ProbedBase },
): Promise<Interpreter> {
  const { value: asked, where } = spec.pythonVersion;
  const { interpreter, pythons } = probed;
  const fits = interpreter !== undefined && (asked === minorOf(asked) || asked === interpreter.version);
  const own = ownBuild(spec, platform);
  if (fits && own === undefined) {
    return {
      ...interpreter,
      provider: 'base',
      why: `build.python_version ${minorOf(asked)}: the interpreter of ${image}`,
    };
  }
  const there = interpreter?.version ?? (pythons.length === 0 ? 'no Python' : `Python ${pythons.join(', ')}`);
  if (interpreter?.path.startsWith('/usr/local/') === true) {
    throw new CogplanError(
      'COGPLAN_PYTHON_UNAVAILABLE',
      `Python ${own?.version ?? asked} is not available: ${image} has ${there} in /usr/local`,
      {
        subject: asked,
        where,
        hint: `Ask for "${minorOf(asked)}", which the base has, in build.python_version${own === undefined ? '' : ', without a build of your own'}; or take another base.`,
        data: { available: [interpreter.version] },
      },
    );
  }
  const build = own ?? publishedBuild(spec, platform);
  if (build === undefined) {
    const has = interpreter === undefined ? [] : [interpreter.version];
    throw unavailable(asked, where, [...has, ...knownVersions(spec, platform)]);
  }
  return fetchStandalone(context, build, { asked: spec.pythonVersion, otherwise: `${image} has ${there}` });
}

interface OnImage {
  readonly base: ImageBase;
  readonly probed: ProbedBase;
  readonly tree: BaseTree;
}

async function systemOn(context: Context, input: ResolveInput, { base, probed, tree }: OnImage): Promise<System> {
  const { spec, platform, previous, options, held } = input;
  const architecture = platform.slice(platform.indexOf('/') + 1);
  const { distribution, release, suite, mergedUsr } = base.facts;
  const [first] = spec.systemPackages;
  const also = lacksCertificates(spec, base) ? ['ca-certificates'] : [];
  if (first === undefined && also.length === 0) return { archives: [], packages: [] };
  const refuse = (problem: string): CogplanError =>
    new CogplanError('COGPLAN_BASE_UNSUPPORTED', `system_packages on the base ${base.image}: ${problem}`, {
      subject: first?.value ?? base.image,
      where: first?.where,
      hint: 'Take a base that has them, or leave `base` out of cogplan.yaml: cogplan then composes one of Debian packages.',
    });
  const sources = await sourcesOn(context, input, { base, tree });
  const problem =
    probed.installed.length === 0 || suite === undefined
      ? 'it has no packages of Debian or Ubuntu'
      : !mergedUsr
        ? 'its /bin and /usr/bin are apart'
        : sources.length === 0
          ? 'it names no archive that it has a key for'
          : undefined;
  if (problem !== undefined || suite === undefined) {
    if (first !== undefined) throw refuse(problem ?? '');
    warn(
      context.host,
      'base.certificates',
      `${base.image} has no certificates: HTTPS from the image has nothing to trust`,
    );
    return { archives: [], packages: [] };
  }
  const system = await resolveOnBase(context, {
    sources,
    distribution: `${distribution} ${release} (${suite})`,
    suite,
    architecture,
    installed: probed.installed,
    asked: parseAskedPackages(spec.systemPackages, architecture),
    also,
    previous: previous?.base.kind === 'image' && previous.base.facts.suite === suite ? previous.system : undefined,
    recommends: takesRecommended(spec),
    options,
    configure: spec.settings.values.configure ?? 'refused',
    ...(held === undefined ? {} : { held }),
  });
  checkRecommends(spec, system.packages);
  const sealed = system.packages.filter((item) => item.configure === 'sealed').map(({ name }) => name);
  if (sealed.length > 0 && tree.find('/usr/bin/dpkg') === undefined)
    throw refuse(`it has no dpkg, which would configure ${sealed.join(', ')}`);
  return system;
}

async function sourcesOn(
  context: Context,
  { spec, platform }: ResolveInput,
  { base, tree }: Pick<OnImage, 'base' | 'tree'>,
): Promise<readonly ArchiveSource[]> {
  const architecture = platform.slice(platform.indexOf('/') + 1);
  return [
    ...(await baseArchives(context, tree, { facts: base.facts, architecture })),
    ...(await namedArchives(context, spec)),
  ];
}

/** Whether nothing says which servers to trust: neither a file of the base nor a variable. */
function lacksCertificates(spec: Spec, base: ImageBase): boolean {
  const names = [...base.env, ...spec.environment.map(({ name }) => `${name}=`)];
  return base.facts.certificates === undefined && !names.some((entry) => /^SSL_CERT_(?:FILE|DIR)=/.test(entry));
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

import type { Context } from '../../context.ts';
import { fromDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { info, withSpan } from '../../events.ts';
import type { ImageBase, Interpreter, System, Target } from '../../lock/schema.generated.ts';
import { storeBaseLayers } from '../../sources/oci/base-layers.ts';
import { blobUrl, formatReference, type ImageReference } from '../../sources/oci/reference.ts';
import { resolveImage } from '../../sources/oci/resolve-image.ts';
import type { ResolveInput, SystemResolution } from '../families.ts';
import { openBaseTree } from './base-tree.ts';
import { type ProbedBase, probeBase } from './probe-base.ts';

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
  const { spec, platform, previous, options } = input;
  const image = formatReference(reference);
  const before = keptBase(previous, image, options.mode);
  const found = before ?? (await lookUp(context, reference, platform));
  const { base, probed } = await withSpan(context.host, 'resolve.base', `Reading ${image}`, () =>
    probe(context, found, input),
  );
  if (before === undefined) {
    info(context.host, 'resolve.base', `${image}: ${base.tagged}, ${base.facts.distribution} ${base.facts.release}`);
  }
  const interpreter = interpreterOf(spec.pythonVersion.value, { image, probed, where: spec.pythonVersion.where });
  const system = await systemOn(input, base);
  const { version, path } = interpreter;
  return {
    base,
    interpreter,
    system,
    tools: [],
    environment: { version, path, platform, glibc: base.facts.glibc },
  };
}

type FoundBase = Omit<ImageBase, 'facts' | 'layers'> & {
  readonly layers: readonly (Omit<ImageBase['layers'][number], 'size'> & { readonly size?: number })[];
};

function keptBase(
  previous: Target | undefined,
  image: string,
  mode: ResolveInput['options']['mode'],
): ImageBase | undefined {
  const base = previous?.base;
  return mode !== 'upgrade' && base?.kind === 'image' && base.image === image ? base : undefined;
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

async function probe(
  context: Context,
  found: FoundBase,
  { spec, platform }: ResolveInput,
): Promise<{ readonly base: ImageBase; readonly probed: ProbedBase }> {
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
  };
}

function interpreterOf(
  asked: string,
  {
    image,
    probed,
    where,
  }: { readonly image: string; readonly probed: ProbedBase; readonly where: CogplanError['where'] },
): Interpreter {
  const { interpreter, pythons } = probed;
  const fits = interpreter !== undefined && (asked === minorOf(asked) || asked === interpreter.version);
  if (fits) {
    return {
      ...interpreter,
      provider: 'base',
      why: `build.python_version ${minorOf(asked)}: the interpreter of ${image}`,
    };
  }
  const there = interpreter?.version ?? (pythons.length === 0 ? 'no Python' : `Python ${pythons.join(', ')}`);
  throw new CogplanError('COGPLAN_PYTHON_UNAVAILABLE', `Python ${asked} is not available: ${image} has ${there}`, {
    subject: asked,
    where,
    hint: 'Ask for the version that the base has in build.python_version, or take another base.',
    data: { available: interpreter === undefined ? pythons : [interpreter.version] },
  });
}

async function systemOn({ spec }: ResolveInput, { image }: ImageBase): Promise<System> {
  const [first] = spec.systemPackages;
  if (first === undefined) return { archives: [], packages: [] };
  throw new CogplanError('COGPLAN_BASE_UNSUPPORTED', `system_packages on the base ${image} cannot be locked yet`, {
    subject: first.value,
    where: first.where,
    hint: 'Take a base that has them, or leave `base` out of cogplan.yaml: cogplan then composes one of Debian packages.',
  });
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

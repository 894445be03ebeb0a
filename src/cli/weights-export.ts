import { planWeights } from '../apply/plan-weights.ts';
import { recipeKey } from '../apply/recipe.ts';
import { canonicalJson, compareBytes } from '../canonical.ts';
import { sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import type { Lock, Target } from '../lock/schema.generated.ts';
import type { Spec } from '../spec/spec.ts';

const TAR = 'application/vnd.oci.image.layer.v1.tar';
const CONFIG = 'application/vnd.cog.weight.config.v1+json';
/** Tells Cog that another packer made the layers: it packs anew when it wants its own. */
const ENVELOPE = { assembler: 1, mediaType: TAR, packer: 'cogplan' };

/**
 * Cog's weights.lock for the weights that cog.yaml declares, with the sealed layers of the image. The same lock gives the same bytes: `importedAt` is the
 * lock's own instant. Error: COGPLAN_WEIGHTS_UNSEALED. https://github.com/replicate/cog, specs/draft-weights.md
 */
export function cogWeightsLock(spec: Spec, lock: Lock, target: Target): string {
  const own = spec.weights.filter(({ where }) => where.file === spec.file);
  const layers = planWeights(target.weights);
  const seals = new Map(target.seals.map((seal) => [seal.recipe as string, seal]));
  const weights = own.map(({ name, target: place }) => {
    const set = target.weights.find((item) => item.name === name);
    if (set === undefined) throw unsealed(name, 'they are not locked', 'Run `cogplan lock` and `cogplan apply`.');
    if (set.place === 'startup') {
      throw unsealed(name, 'they are fetched at start-up and have no layers', 'Only `place: image` has layers.');
    }
    const sealed = layers
      .filter((layer) => layer.layer.startsWith(`weights/${name}/`))
      .map((layer) => ({ recipe: layer.recipe, seal: seals.get(recipeKey(layer.recipe)) }));
    const layerOf = new Map<string, string>();
    for (const { recipe, seal } of sealed) {
      if (seal === undefined) throw unsealed(name, 'their layers were not built yet', 'Run `cogplan apply`.');
      if (recipe.kind !== 'files') continue;
      for (const file of recipe.files) if ('sha256' in file) layerOf.set(file.sha256, seal.diffId);
    }
    const files = set.files.map(({ path, file }) => ({
      path,
      size: file.size,
      digest: `sha256:${file.sha256}`,
      layer: layerOf.get(file.sha256) ?? '',
    }));
    const descriptors = sealed
      .flatMap(({ seal }) => seal ?? [])
      .map(({ diffId, size }) => ({ digest: diffId as string, mediaType: TAR, size, sizeUncompressed: size }))
      .sort((a, b) => compareBytes(a.digest, b.digest));
    const size = set.files.reduce((sum, { file }) => sum + file.size, 0);
    return {
      name,
      target: place,
      sources: set.sources.map(({ uri, fingerprint, include = [], exclude = [] }) => ({
        uri: /^[a-z][a-z0-9+.-]*:\/\//i.test(uri) ? uri : `file://./${uri.replace(/^\.\//, '')}`,
        fingerprint,
        include,
        exclude,
      })),
      importedAt: lock.asOf ?? '1980-01-01T00:00:01Z',
      digest: manifestDigest({ name, target: place, setDigest: set.setDigest, files, layers: descriptors }),
      setDigest: set.setDigest,
      size,
      sizeCompressed: descriptors.reduce((sum, layer) => sum + layer.size, 0),
      files,
      layers: descriptors,
    };
  });
  const envelopeFormat = `sha256:${sha256(canonicalJson(ENVELOPE))}`;
  return `${JSON.stringify({ version: 1, envelopeFormat, weights }, undefined, 2)}\n`;
}

interface Packed {
  readonly name: string;
  readonly target: string;
  readonly setDigest: string;
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly digest: string;
    readonly layer: string;
  }[];
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

/** The OCI manifest that these layers have. */
function manifestDigest({ name, target, setDigest, files, layers }: Packed): string {
  const config = canonicalJson({ name, target, setDigest, files: files.map((file) => ({ ...file })) });
  return `sha256:${sha256(
    canonicalJson({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.cog.weight.v1',
      config: { mediaType: CONFIG, digest: `sha256:${sha256(config)}`, size: Buffer.byteLength(config) },
      layers: layers.map(({ digest, size }) => ({
        mediaType: TAR,
        digest,
        size,
        annotations: { 'run.cog.weight.size.uncompressed': String(size) },
      })),
      annotations: {
        'run.cog.weight.name': name,
        'run.cog.weight.target': target,
        'run.cog.weight.set-digest': setDigest,
      },
    }),
  )}`;
}

function unsealed(name: string, why: string, hint: string): CogplanError {
  return new CogplanError('COGPLAN_WEIGHTS_UNSEALED', `weights "${name}" cannot be exported: ${why}`, {
    subject: name,
    hint,
  });
}

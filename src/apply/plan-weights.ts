import { canonicalJson } from '../canonical.ts';
import type { WeightSet } from '../lock/schema.generated.ts';
import { mergeUsrPath } from './layers/debian/merged-usr.ts';
import type { PlannedLayer } from './plan-layers.ts';
import type { FileInput } from './recipe.ts';

type WeightFile = WeightSet['files'][number];

const MIB = 1024 * 1024;
/** A file of this size has a layer of its own, unless there are too many. */
const LARGE = 64 * MIB;
/** Small files share layers of at most this many times that size … */
const BUNDLE = 4;
/** … and of at least this size before a boundary in the content may end one. */
const LEAST = 16 * MIB;
const MOST_LAYERS = 40;

/**
 * The layers of the weights that are part of the image. Large files lie alone; small ones are bundled in the order of their paths, and where a bundle ends
 * depends on the content of its last file. So a changed file moves its own layer, an added one the layer it falls into, and two models that share files share layers.
 */
export function planWeights(sets: readonly WeightSet[]): readonly PlannedLayer[] {
  const inImage = sets.filter(({ place }) => place === 'image');
  const named = namedLayer(sets.filter(({ place }) => place === 'startup'));
  for (let large = LARGE; ; large *= 2) {
    const layers = inImage.flatMap((set) => groupFiles(set.files, large).map((files) => layerOf(set, files)));
    if (layers.length <= MOST_LAYERS || inImage.every((set) => groupFiles(set.files, large).length <= 1)) {
      return [...layers, ...named];
    }
  }
}

/** Where the runtime looks for what it has to fetch: `cog/_weights/manifest.py`. */
const MANIFEST = 'usr/local/share/cogplan/weights.json';

/** What is fetched at start-up is named in the image by place, hash, size and address. */
function namedLayer(sets: readonly WeightSet[]): readonly PlannedLayer[] {
  if (sets.length === 0) return [];
  const document = {
    version: 1,
    sets: sets.map(({ name, target, setDigest, files }) => ({
      name,
      target,
      setDigest,
      files: files.map(({ path, file }) => ({
        path,
        sha256: file.sha256,
        size: file.size,
        urls: [file.url, ...(file.mirrors ?? [])],
      })),
    })),
  };
  const text = `${canonicalJson(document)}\n`;
  return [
    {
      layer: 'weights',
      family: 'weights',
      recipe: { kind: 'files', assembler: 1, files: [{ path: MANIFEST, kind: 'file', mode: 0o644, text }] },
    },
  ];
}

function groupFiles(files: readonly WeightFile[], large: number): readonly (readonly WeightFile[])[] {
  const alone = files.filter(({ file }) => file.size >= large).map((file) => [file]);
  const bundles: WeightFile[][] = [];
  let bundle: WeightFile[] = [];
  let size = 0;
  for (const entry of files.filter(({ file }) => file.size < large)) {
    if (size + entry.file.size > large * BUNDLE && bundle.length > 0) {
      bundle = [];
      size = 0;
    }
    if (bundle.length === 0) bundles.push(bundle);
    bundle.push(entry);
    size += entry.file.size;
    if (size < LEAST || !isBoundary(entry)) continue;
    bundle = [];
    size = 0;
  }
  return [...alone, ...bundles];
}

/** One file in sixteen ends a bundle. */
function isBoundary({ file }: WeightFile): boolean {
  return file.sha256.startsWith('0');
}

function layerOf({ name, target }: WeightSet, files: readonly WeightFile[]): PlannedLayer {
  const inputs = files.map(
    ({ path, file }): FileInput => ({
      path: mergeUsrPath(`${target.slice(1)}/${path}`, 'other'),
      kind: 'file',
      mode: 0o644,
      sha256: file.sha256,
    }),
  );
  return {
    layer: `weights/${name}/${files[0]?.path ?? ''}`,
    family: 'weights',
    recipe: { kind: 'files', assembler: 1, files: inputs },
  };
}

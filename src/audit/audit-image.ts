import { planLayers } from '../apply/plan-layers.ts';
import type { Context } from '../context.ts';
import type { Digest } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import type { Platform } from '../lock/platform.ts';
import type { Lock, Target } from '../lock/schema.generated.ts';
import { formatReference, type ImageReference } from '../sources/oci/reference.ts';
import { type RegistryImage, resolveImage } from '../sources/oci/resolve-image.ts';

export interface ImageAuditRequest {
  readonly lock: Lock;
  readonly platform: Platform;
  readonly reference: ImageReference;
}

/** One thing in which an image is not what a lock makes. */
export interface ImageDifference {
  /** A layer's name, or the path of a value in the image's config: `config.Env`. */
  readonly subject: string;
  readonly expected: string | null;
  readonly found: string | null;
}

export interface ImageAudit {
  readonly clean: boolean;
  readonly image: string;
  readonly imageId: Digest;
  readonly manifestDigest: Digest;
  readonly differences: readonly ImageDifference[];
}

/**
 * Compares an image of a registry with a lock, without building and without reading a layer: the diffID of each sealed layer at its place, and the config. The project's source is the last
 * layer and is not compared: no lock names it. Errors: COGPLAN_PLATFORM_NOT_LOCKED, COGPLAN_NOT_SEALED, those of `resolveImage`.
 */
export async function auditImage(context: Context, request: ImageAuditRequest): Promise<ImageAudit> {
  const { lock, platform, reference } = request;
  const target = lock.targets[platform];
  if (target === undefined || target.seals.length === 0) {
    const code = target === undefined ? 'COGPLAN_PLATFORM_NOT_LOCKED' : 'COGPLAN_NOT_SEALED';
    throw new CogplanError(code, `the lock holds no ${target === undefined ? 'target' : 'seal'} for ${platform}`, {
      subject: platform,
      hint: 'Run `cogplan lock`, and `cogplan apply` once: it seals the layers in cogplan.lock.',
    });
  }
  const image = await resolveImage(context, reference, platform);
  const differences = [...layerDifferences(target, platform, image), ...configDifferences(target, image)];
  return {
    clean: differences.length === 0,
    image: formatReference(reference),
    imageId: image.config.digest,
    manifestDigest: image.manifest.digest,
    differences,
  };
}

interface ExpectedLayer {
  readonly layer: string;
  /** Undefined where the lock has no seal of it. */
  readonly diffId: Digest | undefined;
}

/** An image made without bytecode is the lock's too: of both ways the nearer one is compared. */
function layerDifferences(target: Target, platform: Platform, image: RegistryImage): readonly ImageDifference[] {
  const sealed = target.seals.some(({ layer }) => layer.startsWith('bytecode'));
  const [first = [], second = first] = (sealed ? [true, false] : [false]).map((bytecode) =>
    compareLayers(expectedLayers(target, platform, bytecode), image),
  );
  return second.length < first.length ? second : first;
}

function expectedLayers(target: Target, platform: Platform, bytecode: boolean): readonly ExpectedLayer[] {
  const seals = new Map(target.seals.map((seal) => [seal.layer, seal.diffId]));
  return planLayers(target, platform, { bytecode }).map(({ layer, base }) => ({
    layer,
    diffId: base?.diffId ?? seals.get(layer),
  }));
}

/** The layers that are not those of the lock, by the longest sequence that both have: equal layers may repeat. */
function compareLayers(expected: readonly ExpectedLayer[], image: RegistryImage): readonly ImageDifference[] {
  const found = image.layers.slice(0, -1).map(({ diffId }) => diffId);
  const common = commonLengths(
    expected.map(({ diffId }) => diffId),
    found,
  );
  const differences: ImageDifference[] = [];
  let [at, there] = [0, 0];
  while (at < expected.length || there < found.length) {
    const wanted = expected[at];
    const diffId = found[there];
    if (wanted !== undefined && diffId !== undefined && wanted.diffId === diffId) {
      at++;
      there++;
      continue;
    }
    const keeps = (rows: number, columns: number): boolean =>
      (common[at + rows]?.[there + columns] ?? -1) === (common[at]?.[there] ?? 0);
    const isReplaced = wanted !== undefined && diffId !== undefined && keeps(1, 1);
    if (wanted !== undefined && (isReplaced || keeps(1, 0))) {
      const instead = isReplaced ? diffId : null;
      differences.push({ subject: wanted.layer, expected: wanted.diffId ?? null, found: instead });
      at++;
      if (isReplaced) there++;
    } else {
      differences.push({ subject: `layer ${there + 1} of the image`, expected: null, found: diffId ?? null });
      there++;
    }
  }
  return differences;
}

/** For each two ends of the lists, how many items they have in common in order. */
function commonLengths(left: readonly unknown[], right: readonly unknown[]): readonly (readonly number[])[] {
  const lengths = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const row = lengths[i];
      if (row === undefined) continue;
      const below = lengths[i + 1] ?? [];
      row[j] = left[i] === right[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return lengths;
}

function configDifferences({ image }: Target, { document }: RegistryImage): readonly ImageDifference[] {
  const config = document.config ?? {};
  const pairs: readonly (readonly [string, string, string])[] = [
    ['Entrypoint', text(image.entrypoint), text(config.Entrypoint ?? [])],
    ['Cmd', text(image.cmd), text(config.Cmd ?? [])],
    ['WorkingDir', image.workdir, config.WorkingDir ?? ''],
    ['User', image.user, config.User ?? ''],
    ['ExposedPorts', text([...image.ports].sort()), text(Object.keys(config.ExposedPorts ?? {}).sort())],
  ];
  const plain = pairs.flatMap(([name, expected, found]) =>
    expected === found ? [] : [{ subject: `config.${name}`, expected, found }],
  );
  return [
    ...plain,
    ...entryDifferences('Env', variables(image.env), variables(config.Env ?? [])),
    // The model's interface is read from its source, as the image's labels that no lock has.
    ...entryDifferences('Labels', image.labels, config.Labels ?? {}).filter(
      ({ subject, expected }) => expected !== null || !subject.startsWith('config.Labels.run.cog.'),
    ),
  ];
}

function entryDifferences(
  kind: string,
  expected: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): readonly ImageDifference[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort();
  return names.flatMap((name) => {
    const [wanted, there] = [entryOf(expected, name), entryOf(found, name)];
    return wanted === there ? [] : [{ subject: `config.${kind}.${name}`, expected: wanted, found: there }];
  });
}

function entryOf(values: Readonly<Record<string, string>>, name: string): string | null {
  return Object.hasOwn(values, name) ? (values[name] ?? null) : null;
}

function variables(env: readonly string[]): Readonly<Record<string, string>> {
  const split = (entry: string): [string, string] => {
    const at = entry.indexOf('=');
    return [entry.slice(0, Math.max(at, 0)), entry.slice(at + 1)];
  };
  return Object.fromEntries(env.map(split));
}

function text(values: readonly string[]): string {
  return JSON.stringify(values);
}

import type { Applied } from '../../src/apply/apply.ts';
import { encodeConfig } from '../../src/apply/image/config.ts';
import { encodeManifest } from '../../src/apply/image/manifest.ts';
import type { Context } from '../../src/context.ts';
import { sha256, toDigest } from '../../src/digest.ts';

/** An image of these tars, as `applyLock` leaves it in the store. */
export async function applied({ store }: Context, tars: readonly Buffer[]): Promise<Applied> {
  const layers = [];
  for (const [index, tar] of tars.entries()) {
    const { sha256: hash, size } = await store.put(tar);
    layers.push({
      layer: index === tars.length - 1 ? 'source' : `layer/${index}`,
      family: 'python',
      diffId: toDigest(hash),
      size,
      sealed: 'matched',
    } as const);
  }
  const config = encodeConfig({
    os: 'linux',
    architecture: 'amd64',
    env: ['PATH=/bin'],
    entrypoint: [],
    cmd: ['/bin/true'],
    workdir: '/src',
    user: '',
    ports: [],
    labels: {},
    layers: layers.map(({ layer, diffId }) => ({ name: layer, diffId })),
  });
  const imageId = toDigest(sha256(config));
  const manifest = encodeManifest(
    { digest: imageId, size: config.length },
    layers.map(({ diffId, size }) => ({ digest: diffId, size })),
  );
  await store.put(config);
  await store.put(manifest);
  const manifestDigest = toDigest(sha256(manifest));
  const digest = `sha256:${'0'.repeat(64)}` as const;
  return {
    platform: 'linux/amd64',
    imageId,
    manifestDigest,
    layers,
    source: { treeDigest: digest, files: 1, size: 1 },
    lockDigest: digest,
    config,
    manifest,
    newSeals: [],
    seals: [],
  };
}

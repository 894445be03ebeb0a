import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { END_OF_ARCHIVE, encodeHeader, paddingAfter, type TarMember } from '../../src/apply/image/tar.ts';
import { type Digest, sha256, toDigest } from '../../src/digest.ts';

/** A member of a layer with its content; paths as in tars, without a leading slash. */
export type LayerMember = TarMember & { readonly content?: string | Uint8Array };

const OWNER = { uid: 0, gid: 0 };

export function file(path: string, content: string | Uint8Array, mode = 0o644): LayerMember {
  return { ...OWNER, type: 'file', path, mode, size: Buffer.byteLength(content), content };
}

export function directory(path: string): LayerMember {
  return { ...OWNER, type: 'directory', path, mode: 0o755 };
}

export function symlink(path: string, target: string): LayerMember {
  return { ...OWNER, type: 'symlink', path, mode: 0o777, target };
}

export function layerTar(members: readonly LayerMember[]): Buffer {
  const parts = members.flatMap((member) => {
    const content = Buffer.from(member.content ?? '');
    return [encodeHeader(member), content, Buffer.alloc(paddingAfter(content.length))];
  });
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

export interface BuiltBlob {
  readonly bytes: Buffer;
  readonly digest: Digest;
}

export interface BuiltImage {
  readonly manifest: BuiltBlob & { readonly mediaType: string };
  readonly config: BuiltBlob;
  readonly layers: readonly (BuiltBlob & { readonly diffId: Digest })[];
}

export interface ImageOptions {
  readonly dialect?: 'oci' | 'docker';
  readonly compression?: 'none' | 'gzip';
  readonly architecture?: string;
  readonly env?: readonly string[];
  /** Changes the manifest before it is written. */
  readonly change?: (manifest: Record<string, unknown>) => void;
}

const TYPES = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    none: 'application/vnd.oci.image.layer.v1.tar',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const;

/** An image of these layers, bottom first, as any builder would push it. */
export function buildImage(tars: readonly Buffer[], options: ImageOptions = {}): BuiltImage {
  const types = TYPES[options.dialect ?? 'oci'];
  const compression = options.compression ?? 'gzip';
  const layers = tars.map((tar) => ({
    ...blob(compression === 'gzip' ? gzipSync(tar) : tar),
    diffId: toDigest(sha256(tar)),
  }));
  const config = blob(
    JSON.stringify({
      os: 'linux',
      architecture: options.architecture ?? 'amd64',
      created: '2026-01-02T03:04:05Z',
      config: { Env: options.env ?? ['PATH=/usr/bin:/bin'], WorkingDir: '/work' },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const document: Record<string, unknown> = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: config.digest, size: config.bytes.length },
    layers: layers.map(({ digest, bytes }) => ({ mediaType: types[compression], digest, size: bytes.length })),
  };
  options.change?.(document);
  return { manifest: { ...blob(JSON.stringify(document)), mediaType: types.manifest }, config, layers };
}

export function blob(content: string | Buffer): BuiltBlob {
  const bytes = Buffer.from(content as Buffer);
  return { bytes, digest: toDigest(sha256(bytes)) };
}

/** Puts an image into an open registry by plain requests, under `repository:tag`. */
export async function putImage(host: string, name: string, image: BuiltImage): Promise<void> {
  const [repository = '', tag = 'latest'] = name.split(':');
  for (const { bytes, digest } of [image.config, ...image.layers]) await putBlob(host, repository, { bytes, digest });
  await putManifest(host, `${repository}:${tag}`, image.manifest);
}

export async function putBlob(host: string, repository: string, { bytes, digest }: BuiltBlob): Promise<void> {
  const started = await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const url = new URL(started.headers.get('location') ?? '', `http://${host}`);
  url.searchParams.set('digest', digest);
  const done = await fetch(url, { method: 'PUT', body: new Uint8Array(bytes) });
  if (done.status !== 201) throw new Error(`blob: ${done.status} ${await done.text()}`);
}

export async function putManifest(
  host: string,
  name: string,
  manifest: BuiltBlob & { readonly mediaType: string },
): Promise<void> {
  const [repository, tag] = name.split(':');
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': manifest.mediaType },
    body: new Uint8Array(manifest.bytes),
  });
  if (answer.status !== 201) throw new Error(`manifest: ${answer.status} ${await answer.text()}`);
}

interface Derived {
  /** Laid over what is there, as zstd or gzip. */
  readonly members: readonly LayerMember[];
  readonly compression: 'gzip' | 'zstd';
  /** Changes the image's configuration. */
  readonly configure?: (config: Record<string, unknown>) => void;
}

/** Puts an image into the repository of another one: that one with a layer more. */
export async function deriveImage(host: string, from: string, to: string, derived: Derived): Promise<void> {
  const [repository, tag] = from.split(':');
  const get = async (path: string): Promise<unknown> => {
    const headers = { accept: TYPES.oci.manifest };
    const answer = await fetch(`http://${host}/v2/${repository}/${path}`, { headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  };
  interface Manifest {
    config: { digest: string; size: number };
    layers: object[];
  }
  interface Config {
    config: Record<string, unknown>;
    rootfs: { diff_ids: string[] };
    history?: unknown;
  }
  const manifest = (await get(`manifests/${tag}`)) as Manifest;
  const config = (await get(`blobs/${manifest.config.digest}`)) as Config;
  const tar = layerTar(derived.members);
  const layer = blob(derived.compression === 'gzip' ? gzipSync(tar) : execFileSync('zstd', ['-c'], { input: tar }));
  const mediaType = `${TYPES.oci.none}+${derived.compression}`;
  manifest.layers.push({ mediaType, digest: layer.digest, size: layer.bytes.length });
  config.rootfs.diff_ids.push(sha256(tar).replace(/^/, 'sha256:'));
  delete config.history;
  derived.configure?.(config.config);
  const written = blob(JSON.stringify(config));
  Object.assign(manifest.config, { digest: written.digest, size: written.bytes.length });
  for (const part of [layer, written]) await putBlob(host, repository ?? '', part);
  const bytes = blob(JSON.stringify(manifest));
  await putManifest(host, `${repository}:${to}`, { ...bytes, mediaType: TYPES.oci.manifest });
}

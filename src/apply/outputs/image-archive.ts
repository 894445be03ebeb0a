import { type FileHandle, open } from 'node:fs/promises';
import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { fromDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import type { Applied } from '../apply.ts';
import { blobName, encodeDockerManifest, encodeIndex, encodeLayoutFile } from '../image/layout.ts';
import { END_OF_ARCHIVE, encodeHeader, paddingAfter } from '../image/tar.ts';
import { imageBlobs, platformOf } from './image-blobs.ts';

const PIECE = 1024 * 1024;

export interface ImageArchive {
  /** Bytes of the whole tar. */
  readonly size: number;
  read(): AsyncIterable<Uint8Array>;
}

interface Part {
  readonly path: string;
  readonly size: number;
  /** Content, or the path of the file that holds it. */
  readonly content: Uint8Array | string;
}

/**
 * The image as one deterministic tar that is both an OCI layout and what `docker load` reads: the two formats name the same blobs. An engine that
 * loads it stores the image under `name`.
 */
export async function imageArchive(
  { store }: Context,
  applied: Applied,
  name?: { readonly repository: string; readonly tag: string },
): Promise<ImageArchive> {
  const blobs = imageBlobs(applied);
  const tag = name === undefined ? undefined : `${name.repository}:${name.tag}`;
  const files: Part[] = [
    inline('index.json', encodeIndex(blobs.manifest, { ...platformOf(applied), containerdName: tag && fullName(tag) })),
    inline('manifest.json', encodeDockerManifest(blobs.config, blobs.layers, tag === undefined ? [] : [tag])),
    inline('oci-layout', encodeLayoutFile()),
  ];
  for (const { digest, size } of blobs.all) {
    const content = await store.verified(fromDigest(digest), size, `blob ${digest} of the image`);
    files.push({ path: blobName(digest), size, content });
  }
  files.sort((a, b) => compareBytes(a.path, b.path));
  const directories = ['blobs', 'blobs/sha256'].map((path) =>
    encodeHeader({ type: 'directory', path, mode: 0o755, uid: 0, gid: 0 }),
  );
  const headers = files.map(({ path, size }) =>
    encodeHeader({ type: 'file', path, mode: 0o644, uid: 0, gid: 0, size }),
  );
  const bytes = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);
  const contents = files.reduce((sum, { size }) => sum + size + paddingAfter(size), 0);
  return {
    size: bytes(directories) + bytes(headers) + contents + END_OF_ARCHIVE.length,
    async *read() {
      yield* directories;
      for (const [index, file] of files.entries()) {
        yield headers[index] ?? END_OF_ARCHIVE;
        if (typeof file.content === 'string') yield* readFileParts(file.content, file);
        else yield file.content;
        yield END_OF_ARCHIVE.subarray(0, paddingAfter(file.size));
      }
      yield END_OF_ARCHIVE;
    },
  };
}

/** `model:1` -> `docker.io/library/model:1`, as Docker completes short names. */
function fullName(tag: string): string {
  const slash = tag.indexOf('/');
  if (slash === -1) return `docker.io/library/${tag}`;
  const first = tag.slice(0, slash);
  return /[.:]/.test(first) || first === 'localhost' ? tag : `docker.io/${tag}`;
}

function inline(path: string, content: Uint8Array): Part {
  return { path, size: content.length, content };
}

async function* readFileParts(file: string, { path, size }: Part): AsyncGenerator<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    for (let done = 0; done < size; ) {
      // A new buffer each time: the reader may still hold the last one.
      const buffer = Buffer.allocUnsafe(Math.min(PIECE, size - done));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, done);
      if (bytesRead === 0) {
        throw new CogplanError('COGPLAN_CONTENT_CHANGED', `${path} became shorter while it was read`, {
          subject: path,
        });
      }
      yield buffer.subarray(0, bytesRead);
      done += bytesRead;
    }
  } finally {
    await handle?.close();
  }
}

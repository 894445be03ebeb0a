import { createHash, type Hash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { crc32, createInflateRaw, inflateRawSync } from 'node:zlib';
import { bug, CogplanError, unreachable } from '../../errors.ts';
import type { BlobWriter } from '../../store/store.ts';
import type { Content, FileEntry } from './entry.ts';

const OPEN_FILES = 32;
const PIECE = 1024 * 1024;
/** Larger members are inflated on another thread, chunk by chunk; below, the hand-over costs more than it saves. */
const INFLATE_AT_ONCE = 2 * 1024 * 1024;

type ZipContent = Content & { readonly kind: 'zip' };

/** Copies file contents into a layer. Keeps the files that contents lie in open, because neighbours share them. */
export class ContentReader {
  readonly #open = new Map<string, number>();
  readonly #piece: Buffer = Buffer.allocUnsafe(PIECE);
  #input: Buffer = Buffer.allocUnsafe(PIECE);

  /**
   * Writes exactly `entry.size` bytes, or fails: COGPLAN_CONTENT_CHANGED when the file under it is shorter than it was, COGPLAN_CONTENT_CORRUPT
   * when a zip member does not inflate to its length and CRC-32, COGPLAN_WHEEL_INVALID when it is not what the RECORD of its wheel says.
   */
  async copy(entry: FileEntry, out: Pick<BlobWriter, 'write'>): Promise<void> {
    const content = entry.content;
    const length = content.kind === 'bytes' ? content.data.length : content.length;
    if (entry.size !== length)
      throw bug(`${entry.path} has ${entry.size} bytes by its entry and ${length} by its content`);
    switch (content.kind) {
      case 'bytes':
        return out.write(content.data);
      case 'slice':
        return this.#copySlice(entry, content, out);
      case 'zip':
        if (content.method === 0) return this.#copyStored(entry, content, out);
        if (content.length > INFLATE_AT_ONCE || content.compressedSize > INFLATE_AT_ONCE) {
          return inflateInParts(entry, content, out);
        }
        return out.write(this.#inflate(entry, content));
      default:
        return unreachable(content);
    }
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  async #copySlice(
    entry: FileEntry,
    slice: { readonly file: string; readonly offset: number; readonly length: number },
    out: Pick<BlobWriter, 'write'>,
    onPart?: (part: Buffer) => void,
  ): Promise<void> {
    const descriptor = this.#descriptor(slice.file);
    let done = 0;
    while (done < slice.length) {
      const wanted = Math.min(this.#piece.length, slice.length - done);
      const got = readSync(descriptor, this.#piece, 0, wanted, slice.offset + done);
      if (got === 0) throw shortened(entry);
      const part = this.#piece.subarray(0, got);
      onPart?.(part);
      await out.write(part);
      done += got;
    }
  }

  async #copyStored(entry: FileEntry, content: ZipContent, out: Pick<BlobWriter, 'write'>): Promise<void> {
    if (content.compressedSize !== content.length) throw corrupt(entry, 'its two sizes differ');
    let check = 0;
    const hash = recordedHash(content);
    await this.#copySlice(entry, content, out, (part) => {
      check = crc32(part, check);
      hash?.update(part);
    });
    checkCrc(entry, content, check);
    checkRecorded(entry, content, hash);
  }

  #inflate(entry: FileEntry, content: ZipContent): Buffer {
    if (this.#input.length < content.compressedSize) this.#input = Buffer.allocUnsafe(content.compressedSize);
    const input = this.#input.subarray(0, content.compressedSize);
    readFully(entry, this.#descriptor(content.file), input, content.offset);
    let data: Buffer;
    try {
      // One byte of room beyond the length: the output comes in one piece, and a member that is too long is noticed.
      const room = Math.max(64, content.length + 1);
      data = inflateRawSync(input, { chunkSize: room, maxOutputLength: room });
    } catch (error) {
      throw inflateError(entry, error);
    }
    if (data.length !== content.length) throw corrupt(entry, `it has ${data.length} bytes, not ${content.length}`);
    checkCrc(entry, content, crc32(data));
    checkRecorded(entry, content, recordedHash(content)?.update(data));
    return data;
  }

  #descriptor(file: string): number {
    const known = this.#open.get(file);
    if (known !== undefined) return known;
    if (this.#open.size >= OPEN_FILES) {
      const [oldest] = this.#open;
      if (oldest !== undefined) {
        closeSync(oldest[1]);
        this.#open.delete(oldest[0]);
      }
    }
    const descriptor = openSync(file, 'r');
    this.#open.set(file, descriptor);
    return descriptor;
  }
}

/** Inflates on zlib's thread while this one hashes and writes. */
async function inflateInParts(entry: FileEntry, content: ZipContent, out: Pick<BlobWriter, 'write'>): Promise<void> {
  let check = 0;
  let length = 0;
  const hash = recordedHash(content);
  const input = createReadStream(content.file, {
    start: content.offset,
    end: content.offset + content.compressedSize - 1,
    highWaterMark: PIECE,
  });
  const inflate = createInflateRaw({ chunkSize: PIECE });
  input.once('error', (error) => inflate.destroy(error));
  try {
    for await (const part of input.pipe(inflate) as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > content.length) throw corrupt(entry, `it has more than ${content.length} bytes`);
      check = crc32(part, check);
      hash?.update(part);
      await out.write(part);
    }
  } catch (error) {
    throw inflateError(entry, error);
  } finally {
    input.destroy();
    inflate.destroy();
  }
  if (length !== content.length) throw corrupt(entry, `it has ${length} bytes, not ${content.length}`);
  checkCrc(entry, content, check);
  checkRecorded(entry, content, hash);
}

/** What zlib says of the data is about the member; any other error, such as a full disk, is not. */
function inflateError(entry: FileEntry, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ERR_BUFFER_TOO_LARGE') return corrupt(entry, `it has more than ${entry.size} bytes`, error);
  return code.startsWith('Z_') ? corrupt(entry, 'it does not inflate', error) : error;
}

function readFully(entry: FileEntry, descriptor: number, into: Buffer, offset: number): void {
  let done = 0;
  while (done < into.length) {
    const got = readSync(descriptor, into, done, into.length - done, offset + done);
    if (got === 0) throw shortened(entry);
    done += got;
  }
}

function checkCrc(entry: FileEntry, content: ZipContent, check: number): void {
  if (check !== content.crc32) throw corrupt(entry, 'its CRC-32 differs');
}

function recordedHash({ recorded }: ZipContent): Hash | undefined {
  return recorded === undefined ? undefined : createHash(recorded.slice(0, recorded.indexOf('=')));
}

function checkRecorded(entry: FileEntry, { recorded }: ZipContent, hash: Hash | undefined): void {
  if (recorded === undefined || hash === undefined) return;
  if (hash.digest('base64url') !== recorded.slice(recorded.indexOf('=') + 1)) throw recordLies(entry);
}

/** A file of a wheel that is not what the wheel's RECORD says. */
export function recordLies({ origin, path }: Pick<FileEntry, 'origin' | 'path'>): CogplanError {
  return new CogplanError(
    'COGPLAN_WHEEL_INVALID',
    `${origin} cannot be installed: ${path} is not what its RECORD says`,
    {
      subject: origin,
      hint: RECORD_HINT,
    },
  );
}

export const RECORD_HINT =
  'The wheel was changed after it was made. Take another version of the package, or build it from its source: --no-binary NAME.';

function shortened(entry: FileEntry): CogplanError {
  return new CogplanError('COGPLAN_CONTENT_CHANGED', `${entry.path} became shorter while it was read`, {
    subject: entry.path,
    hint: 'Something else writes to the file. Run again when it has finished.',
    data: { origin: entry.origin },
  });
}

function corrupt(entry: FileEntry, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_CONTENT_CORRUPT', `${entry.path} of ${entry.origin} is damaged: ${problem}`, {
    subject: entry.path,
    hint: 'The file was published like this, or its derived form in the store is damaged: try "cogplan store verify".',
    cause,
    data: { origin: entry.origin },
  });
}

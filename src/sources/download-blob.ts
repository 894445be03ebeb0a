import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.ts';
import { CogplanError, isCogplanError } from '../errors.ts';
import type { File } from '../lock/schema.generated.ts';
import type { BlobWriter } from '../store/store.ts';

export interface Download {
  readonly url: string;
  readonly file: File;
  /** Names the artifact in errors. */
  readonly what: string;
  /** Told the number of bytes that are there so far. */
  readonly onBytes: (bytes: number) => void;
}

/** Tries in a row that bring nothing new before the download is given up. */
const MOST_FRUITLESS = 3;
const MOST_CONNECTIONS = 100;
const PAUSE = 200;

/**
 * Downloads one blob into the store, continuing where a connection was cut, in this process or an earlier one. Bytes
 * beyond the locked size are never read. On failure what is there is kept, unless it is wrong.
 */
export async function downloadBlob(context: Context, download: Download): Promise<void> {
  const { file } = download;
  let writer = await context.store.writer({ resume: file.sha256 });
  let resumed = writer.size > 0;
  try {
    let fruitless = 0;
    let furthest = writer.size;
    for (let connection = 1; ; connection++) {
      if (writer.size > file.size) writer = await restart(context, writer, download);
      const cut = writer.size < file.size ? await receive(context, writer, download) : undefined;
      if (cut === 'no-range') {
        writer = await restart(context, writer, download);
        continue;
      }
      if (writer.size === file.size) {
        if (await commit(writer, download, resumed)) return;
        resumed = false;
        writer = await context.store.writer({ resume: file.sha256 });
        continue;
      }
      resumed = true;
      fruitless = writer.size > furthest ? 0 : fruitless + 1;
      furthest = Math.max(furthest, writer.size);
      if (fruitless >= MOST_FRUITLESS || connection >= MOST_CONNECTIONS) throw cut ?? endedEarly(download, writer.size);
      await sleep(PAUSE * 2 ** fruitless, undefined, { signal: context.signal });
    }
  } catch (error) {
    if (isCogplanError(error, 'COGPLAN_HASH_MISMATCH')) await writer.abort();
    else await writer.suspend();
    if (context.signal.aborted && !(error instanceof CogplanError))
      throw new CogplanError('COGPLAN_INTERRUPTED', `interrupted while fetching ${download.what}`, { cause: error });
    throw error;
  }
}

async function restart(context: Context, writer: BlobWriter, { file }: Download): Promise<BlobWriter> {
  await writer.abort();
  return context.store.writer({ resume: file.sha256 });
}

/** Appends what one connection gives. Returns the error that cut it, or that the server cannot continue. */
async function receive(
  context: Context,
  writer: BlobWriter,
  download: Download,
): Promise<CogplanError | 'no-range' | undefined> {
  const { file, url } = download;
  const offset = writer.size;
  const response = await context.http.stream(url, { offset, signal: context.signal }).catch((error: unknown) => {
    if (offset > 0 && isCogplanError(error, 'COGPLAN_HTTP_STATUS') && error.data?.status === 416) return undefined;
    throw error;
  });
  if (response === undefined) return 'no-range';
  try {
    if (response.size !== undefined && response.size !== file.size)
      throw wrongSize(download, response.size, response.headers['content-type']);
    if (response.offset !== offset) {
      if (offset > 0) return 'no-range';
      throw wrongSize(download, undefined, undefined);
    }
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      if (writer.size + chunk.length > file.size)
        throw wrongSize(download, undefined, response.headers['content-type']);
      await writer.write(chunk);
      download.onBytes(writer.size);
    }
    return undefined;
  } catch (error) {
    if (isCogplanError(error, 'COGPLAN_NETWORK')) return error;
    throw error;
  } finally {
    response.body.destroy();
  }
}

/** False when the bytes are wrong but some of them came from before: they are dropped, and fetching starts again. */
async function commit(writer: BlobWriter, download: Download, resumed: boolean): Promise<boolean> {
  const { file, what, url } = download;
  try {
    await writer.commit({ sha256: file.sha256, size: file.size });
    return true;
  } catch (error) {
    if (!isCogplanError(error, 'COGPLAN_HASH_MISMATCH')) throw error;
    if (resumed) return false;
    throw new CogplanError('COGPLAN_HASH_MISMATCH', `${what} from ${url}: ${error.message}`, {
      subject: what,
      hint: 'The file behind the URL is not the one that was locked. Find out why before you lock it anew.',
      cause: error,
      data: { ...error.data, url },
    });
  }
}

function wrongSize(download: Download, size: number | undefined, contentType: string | undefined): CogplanError {
  const { file, what, url } = download;
  const got = size === undefined ? 'more' : `${size} bytes`;
  const isPage = contentType?.startsWith('text/html') === true;
  return new CogplanError(
    'COGPLAN_HASH_MISMATCH',
    `${what} from ${url}: expected sha256 ${file.sha256}, ${file.size} bytes; the server sends ${got}`,
    {
      subject: what,
      hint: isPage
        ? 'The server sent an HTML page instead: a login page or a captive portal?'
        : 'The file behind the URL is not the one that was locked. Find out why before you lock it anew.',
      data: { expected: { sha256: file.sha256, size: file.size }, actual: { size }, url },
    },
  );
}

function endedEarly({ file, what, url }: Download, size: number): CogplanError {
  return new CogplanError('COGPLAN_NETWORK', `${what} from ${url}: ends after ${size} of ${file.size} bytes`, {
    subject: what,
    hint: 'The server keeps ending the transfer early; try again later.',
  });
}

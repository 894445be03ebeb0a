import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import type { File } from '../../lock/schema.generated.ts';
import type { BlobWriter } from '../../store/store.ts';

export interface NewFile {
  readonly url: string;
  /** What it has to hash to, when that was written down. */
  readonly sha256?: string;
  /** Names it in messages. */
  readonly what: string;
}

type Known = { readonly [key: string]: Json } & {
  readonly sha256: Sha256;
  readonly size: number;
  readonly validator: string;
  readonly pinned: string;
};

const KIND = 'fetched-url';
const MOST_CONNECTIONS = 20;
const PAUSE = 200;

/**
 * Fetches a file of which no hash is known into the store, and says what it is: the address that will still name these bytes, sha256 and size. A cut transfer is
 * continued where the server says by ETag or date that the file is still the same, and started again otherwise. A file that the server says is unchanged is not read again.
 * COGPLAN_HASH_MISMATCH when another hash was written down; COGPLAN_NETWORK, COGPLAN_HTTP_STATUS, COGPLAN_OFFLINE.
 */
export async function fetchNewFile(context: Context, asked: NewFile): Promise<File> {
  const { sha256: hash, size, pinned } = await fetchUnless(context, asked, undefined);
  return fileOf(pinned, { sha256: hash, size }, asked);
}

export interface Fetched {
  readonly sha256: Sha256;
  readonly size: number;
  /** The address that will still name these bytes. */
  readonly pinned: string;
  /** ETag or date that the server gave. */
  readonly validator: string | undefined;
}

/** As `fetchNewFile`, for whom a file of this ETag is nothing new: that is not read, and undefined. */
export function fetchUnless(context: Context, asked: NewFile, etag: undefined): Promise<Fetched>;
export function fetchUnless(context: Context, asked: NewFile, etag: string | undefined): Promise<Fetched | undefined>;
export async function fetchUnless(
  context: Context,
  asked: NewFile,
  etag: string | undefined,
): Promise<Fetched | undefined> {
  const writer = await context.store.writer();
  const transfer: Transfer = { writer, validator: undefined, size: undefined, urls: [asked.url] };
  try {
    for (let connection = 1; ; connection++) {
      const cut = await receive(context, asked, transfer, etag);
      if (cut === 'known' || (cut !== undefined && 'sha256' in cut)) {
        await transfer.writer.abort();
        return cut === 'known' ? undefined : cut;
      }
      if (cut === undefined) break;
      if (connection >= MOST_CONNECTIONS) throw cut;
      await sleep(PAUSE * Math.min(connection, 10), undefined, { signal: context.signal });
    }
    const { sha256: hash, size } = await transfer.writer.commit();
    const pinned = pinnedUrl(transfer.urls);
    const { validator } = transfer;
    if (validator !== undefined) {
      const known: Known = { sha256: hash, size, validator, pinned };
      await context.store.putDerived(KIND, sha256(asked.url), known);
    }
    return { sha256: hash, size, pinned, validator };
  } catch (error) {
    await transfer.writer.abort();
    if (context.signal.aborted && !(error instanceof CogplanError))
      throw new CogplanError('COGPLAN_INTERRUPTED', `interrupted while fetching ${asked.what}`, { cause: error });
    throw error;
  }
}

interface Transfer {
  writer: BlobWriter;
  /** ETag or date of the file that the bytes so far are of. */
  validator: string | undefined;
  size: number | undefined;
  urls: readonly string[];
}

/** Appends what one connection gives: undefined when the file is complete, what is known of it when it is there already, else the error that cut it. `known`: it has that ETag. */
async function receive(
  context: Context,
  asked: NewFile,
  transfer: Transfer,
  etag: string | undefined,
): Promise<CogplanError | Known | 'known' | undefined> {
  const offset = transfer.validator === undefined ? 0 : transfer.writer.size;
  const response = await context.http.stream(asked.url, {
    offset,
    signal: context.signal,
    ...(offset > 0 && transfer.validator !== undefined ? { headers: { 'if-range': transfer.validator } } : {}),
  });
  try {
    const { headers } = response;
    const validator = strongValidator(headers);
    const isContinued = offset > 0 && response.offset === offset && validator === transfer.validator;
    if (!isContinued) {
      if (transfer.writer.size > 0) {
        await transfer.writer.abort();
        transfer.writer = await context.store.writer();
      }
      if (response.offset !== 0) {
        // A server that pays no heed to If-Range gave the end of another file: the next connection begins at the beginning.
        Object.assign(transfer, { validator: undefined, size: undefined });
        return new CogplanError('COGPLAN_NETWORK', `${asked.url} changes while it is fetched`, { subject: asked.url });
      }
      Object.assign(transfer, { validator, size: response.size, urls: response.urls });
      if (etag !== undefined && headers.etag === etag) return 'known';
      const known = await unchanged(context, asked, validator);
      if (known !== undefined) return known;
    }
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) await transfer.writer.write(chunk);
    if (transfer.size === undefined || transfer.writer.size === transfer.size) return undefined;
    return new CogplanError(
      'COGPLAN_NETWORK',
      `${asked.url} ends after ${transfer.writer.size} of ${transfer.size} bytes`,
      {
        subject: asked.url,
        hint: 'The server keeps ending the transfer early; try again later.',
      },
    );
  } catch (error) {
    if (isCogplanError(error, 'COGPLAN_NETWORK')) return error;
    throw error;
  } finally {
    response.body.destroy();
  }
}

async function unchanged(context: Context, asked: NewFile, validator: string | undefined): Promise<Known | undefined> {
  if (validator === undefined) return undefined;
  const known = await context.store.getDerived<Known>(KIND, sha256(asked.url));
  if (known?.validator !== validator || (await context.store.stat(known.sha256))?.size !== known.size) return undefined;
  return known;
}

/** A weak ETag, or a date alone, says too little to join two halves; a date is enough beside a length. */
function strongValidator(headers: Readonly<Record<string, string>>): string | undefined {
  const { etag } = headers;
  if (etag !== undefined && !etag.startsWith('W/')) return etag;
  return headers['last-modified'];
}

/**
 * The last address on the host that was asked: where `latest` leads to is pinned, and the signed, short-lived address of a storage host behind it is not.
 */
function pinnedUrl(urls: readonly string[]): string {
  const first = urls[0] ?? '';
  const { host } = new URL(first);
  return withoutFragment([...urls].reverse().find((url) => new URL(url).host === host) ?? first);
}

function withoutFragment(url: string): string {
  const parsed = new URL(url);
  parsed.hash = '';
  parsed.username = '';
  parsed.password = '';
  return parsed.href;
}

function fileOf(
  url: string,
  { sha256: hash, size }: { readonly sha256: Sha256; readonly size: number },
  asked: NewFile,
): File {
  if (asked.sha256 !== undefined && asked.sha256 !== hash) {
    throw new CogplanError(
      'COGPLAN_HASH_MISMATCH',
      `${asked.what} from ${url}: expected sha256 ${asked.sha256}, got ${hash}, ${size} bytes`,
      {
        subject: asked.what,
        hint: 'The file behind the URL is not the one whose hash was written down. Find out why before you change it.',
        data: { expected: { sha256: asked.sha256 }, actual: { sha256: hash, size }, url },
      },
    );
  }
  return { url, sha256: hash, size, computed: true };
}

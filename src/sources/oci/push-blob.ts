import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../context.ts';
import type { Digest } from '../../digest.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import type { HttpResponse } from '../http/http-client.ts';
import { LONGEST_RETRY_AFTER, parseRetryAfter } from '../http/retry.ts';
import type { Registry } from './registry.ts';

export interface PushedBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Bytes from `start` to before `end`, anew at each call. */
  read(start: number, end: number): Uint8Array | Readable;
}

export interface PushOptions {
  /** Repositories of this registry that may hold it already. */
  readonly mountFrom?: readonly string[];
  /** Told of each number of bytes that was handed to the registry, repeated ones included. */
  readonly onSent?: (bytes: number) => void;
  /** Where an upload waits for its turn; looking for the blob does not wait. Absent: at once. */
  readonly turn?: <T>(upload: () => Promise<T>) => Promise<T>;
}

export type PushResult = 'present' | 'mounted' | 'sent';

/** Tries in a row that bring nothing new before an upload is given up. */
const MOST_FRUITLESS = 4;
/** Up to here a blob goes in the request that finishes its upload: one round trip less. */
const SMALL_BLOB = 4 * 1024 * 1024;
/** Where a body is too large for what stands before the registry. */
const SMALL_CHUNK = 32 * 1024 * 1024;
const FIRST_PAUSE = 250;

/** Whether the repository has the blob; costs no bytes of it. */
export async function hasBlob(
  registry: Registry,
  { digest, size }: Pick<PushedBlob, 'digest' | 'size'>,
): Promise<boolean> {
  const answer = await registry.send(registry.url(`blobs/${digest}`), { method: 'HEAD', allowStatus: [404] });
  if (answer.status === 404) return false;
  const length = answer.headers['content-length'];
  if (length === undefined || Number(length) === size) return true;
  throw new CogplanError(
    'COGPLAN_HASH_MISMATCH',
    `${registry.name} says that blob ${digest} has ${length} bytes; it has ${size}`,
    { subject: digest, hint: 'What the registry stores under this digest is damaged.' },
  );
}

/**
 * Makes the repository hold a blob: it may be there, or in another repository of the registry, or it is uploaded: in one piece, after a break from where the
 * registry says that it stands, and in chunks where one piece is too large for it.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
 */
export async function pushBlob(
  context: Context,
  registry: Registry,
  blob: PushedBlob,
  options: PushOptions = {},
): Promise<PushResult> {
  const placed = await placeBlob(registry, blob, options.mountFrom ?? []);
  if (placed === 'present' || placed === 'mounted') return placed;
  const { onSent = () => {}, turn = (work) => work() } = options;
  await turn(() => upload(context, registry, { blob, session: placed, onSent }));
  return 'sent';
}

/**
 * Makes the repository hold a blob without sending it, when it is there or in one of the other repositories. Otherwise returns the answer that opened an
 * upload, if one did.
 */
export async function placeBlob(
  registry: Registry,
  blob: Pick<PushedBlob, 'digest' | 'size'>,
  mountFrom: readonly string[],
): Promise<'present' | 'mounted' | HttpResponse | undefined> {
  if (await hasBlob(registry, blob)) return 'present';
  let session: HttpResponse | undefined;
  for (const repository of mountFrom) {
    const query = new URLSearchParams({ mount: blob.digest, from: repository });
    const answer = await registry.send(registry.url(`blobs/uploads/?${query}`), {
      ...START,
      allowStatus: [401, 403, 404],
    });
    if (answer.status === 201) return 'mounted';
    // Not there, but an upload was opened instead.
    if (answer.status === 202) session = answer;
  }
  return session;
}

const START = { method: 'POST', headers: { 'content-length': '0' } } as const;

interface Upload {
  readonly blob: PushedBlob;
  /** The answer that opened the upload, when there is one already. */
  readonly session: HttpResponse | undefined;
  readonly onSent: (bytes: number) => void;
}

async function upload(context: Context, registry: Registry, { blob, session, onSent }: Upload): Promise<void> {
  let location = session === undefined ? await start(registry) : locationOf(registry, session);
  let done = 0;
  let chunk = blob.size;
  let fruitless = 0;
  let isAtOnce = blob.size <= SMALL_BLOB;
  for (;;) {
    try {
      if (isAtOnce) {
        isAtOnce = false;
        const body = (): Uint8Array | Readable => {
          onSent(blob.size);
          return blob.read(0, blob.size);
        };
        const answer = await finish(registry, { location, blob, body });
        if (answer.status !== 404) return;
        throw broken(registry, blob, 'the registry forgot the upload');
      }
      if (done < blob.size) {
        const end = Math.min(blob.size, done + chunk);
        const answer = await sendChunk(registry, { location, blob, start: done, end, onSent });
        location = locationOf(registry, answer);
        done = end;
        fruitless = 0;
        continue;
      }
      const answer = await finish(registry, { location, blob });
      if (answer.status !== 404) return;
      // The upload is gone: finished by a try whose answer was lost, or forgotten.
      if (await hasBlob(registry, blob)) return;
      throw broken(registry, blob, 'the registry forgot the upload');
    } catch (error) {
      if (context.signal.aborted || !mayTryAgain(error)) throw error;
      if (isTooLarge(error)) {
        if (chunk <= SMALL_CHUNK) throw error;
        chunk = SMALL_CHUNK;
      } else if (++fruitless > MOST_FRUITLESS) throw error;
      else await sleep(pauseAfter(context, error, fruitless), undefined, { signal: context.signal });
      const state = await stateOf(registry, location);
      const restarted = state === undefined || state.done > blob.size;
      const before = done;
      location = restarted ? await start(registry) : state.location;
      done = restarted ? 0 : state.done;
      if (done > before) fruitless = 0;
    }
  }
}

/** Ends an upload, with the whole blob as body or with none. */
function finish(
  registry: Registry,
  {
    location,
    blob,
    body,
  }: { readonly location: string; readonly blob: PushedBlob; readonly body?: () => Uint8Array | Readable },
): Promise<HttpResponse> {
  return registry.send(withDigest(location, blob.digest), {
    method: 'PUT',
    headers:
      body === undefined
        ? { 'content-length': '0' }
        : { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) },
    allowStatus: [404],
    ...(body === undefined ? {} : { body, retries: 0 }),
  });
}

async function start(registry: Registry): Promise<string> {
  return locationOf(registry, await registry.send(registry.url('blobs/uploads/'), START));
}

interface Chunk {
  readonly location: string;
  readonly blob: PushedBlob;
  readonly start: number;
  readonly end: number;
  readonly onSent: (bytes: number) => void;
}

async function sendChunk(
  registry: Registry,
  { location, blob, start: from, end, onSent }: Chunk,
): Promise<HttpResponse> {
  const isWhole = from === 0 && end === blob.size;
  return registry.send(location, {
    method: 'PATCH',
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(end - from),
      // Registries that know no chunks refuse the header.
      ...(isWhole ? {} : { 'content-range': `${from}-${end - 1}` }),
    },
    body: () => {
      onSent(end - from);
      return blob.read(from, end);
    },
    retries: 0,
  });
}

/** How far an upload is, and where it goes on; undefined when the registry no longer knows it. */
async function stateOf(
  registry: Registry,
  location: string,
): Promise<{ readonly location: string; readonly done: number } | undefined> {
  const answer = await registry
    .send(location, { method: 'GET', allowStatus: [400, 404, 405] })
    .catch((error: unknown) => {
      if (isCogplanError(error, 'COGPLAN_HTTP_STATUS') || isCogplanError(error, 'COGPLAN_REGISTRY_FAILED'))
        return undefined;
      throw error;
    });
  if (answer === undefined || answer.status !== 204) return undefined;
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(answer.headers.range ?? '')?.[1];
  // `0-0` is what registries say of an upload without a byte, and of one with one.
  const done = last === undefined ? undefined : Number(last) === 0 ? 0 : Number(last) + 1;
  if (done === undefined || done === 0) return undefined;
  return { location: locationOf(registry, answer, location), done };
}

function locationOf(registry: Registry, answer: HttpResponse, fallback?: string): string {
  const location = answer.headers.location;
  if (location !== undefined && URL.canParse(location, answer.url)) return new URL(location, answer.url).href;
  if (fallback !== undefined) return fallback;
  throw new CogplanError(
    'COGPLAN_REGISTRY_FAILED',
    `${registry.name}: the registry does not say where an upload goes`,
    {
      subject: registry.name,
      hint: 'It does not speak the OCI distribution protocol.',
    },
  );
}

function withDigest(location: string, digest: Digest): string {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  return url.href;
}

/** Milliseconds: what the registry asks for, or a short time that doubles. Throws the error when it asks for too long. */
function pauseAfter(context: Context, error: unknown, fruitless: number): number {
  const header = error instanceof CogplanError ? error.data?.retryAfter : undefined;
  const asked = parseRetryAfter(typeof header === 'string' ? header : undefined, context.now()) ?? 0;
  if (asked > LONGEST_RETRY_AFTER) throw error;
  return Math.max(asked, FIRST_PAUSE * 2 ** (fruitless - 1));
}

function mayTryAgain(error: unknown): boolean {
  if (isCogplanError(error, 'COGPLAN_NETWORK')) return true;
  if (!isCogplanError(error, 'COGPLAN_HTTP_STATUS') && !isCogplanError(error, 'COGPLAN_REGISTRY_FAILED')) return false;
  const status = Number(error.data?.status);
  return status >= 500 || [404, 408, 413, 416, 425, 429].includes(status);
}

function isTooLarge(error: unknown): boolean {
  return error instanceof CogplanError && error.data?.status === 413;
}

function broken(registry: Registry, { digest }: PushedBlob, problem: string): CogplanError {
  return new CogplanError('COGPLAN_NETWORK', `${registry.name}: blob ${digest}: ${problem}`, { subject: digest });
}

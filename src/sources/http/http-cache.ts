import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalJson } from '../../canonical.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import type { HttpResponse } from './http-client.ts';

/** Successful responses on disk, each in one file: a line of JSON, then the body. */
export interface HttpCache {
  /** What is kept, undamaged; anything else is a miss. */
  read(key: Sha256): Promise<HttpResponse | undefined>;
  /** Best effort: a cache that cannot be written to is not an error. */
  write(key: Sha256, response: HttpResponse): Promise<void>;
}

interface Head {
  readonly version: 1;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly sha256: string; readonly size: number };
}

/** A key tells nothing about the URL, and user info has no part in it. */
export function cacheKey(url: string, accept: string | undefined): Sha256 {
  return sha256(canonicalJson({ method: 'GET', url, accept }));
}

/** Values of the request headers that make the server compare before it sends. */
export function validatorsOf(response: HttpResponse): Readonly<Record<string, string>> {
  const etag = response.headers.etag;
  const modified = response.headers['last-modified'];
  return {
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(modified === undefined ? {} : { 'if-modified-since': modified }),
  };
}

/** Files lie at `http/<2 digits>/<key>` below `directory`; their modification time is the day of their last use. */
export function createHttpCache(directory: string, now: () => Date): HttpCache {
  const pathOf = (key: Sha256): string => join(directory, 'http', key.slice(0, 2), key);
  return {
    read: async (key) => {
      const path = pathOf(key);
      const data = await readFile(path).catch(() => undefined);
      const response = data === undefined ? undefined : parse(data);
      if (response !== undefined) await touch(path, now()).catch(() => {});
      return response;
    },
    write: async (key, response) => {
      const path = pathOf(key);
      const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
      try {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(temporary, format(response), { flag: 'wx', mode: 0o600 });
        await rename(temporary, path);
      } catch {
        await rm(temporary, { force: true }).catch(() => {});
      }
    },
  };
}

async function touch(path: string, time: Date): Promise<void> {
  const { mtimeMs } = await stat(path);
  if (time.getTime() - mtimeMs > DAY) await utimes(path, time, time);
}

const DAY = 86_400_000;
const KEPT_HEADERS = ['content-type', 'etag', 'last-modified', 'link'];

function format(response: HttpResponse): Buffer {
  const kept = KEPT_HEADERS.flatMap((name) => {
    const value = response.headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const head: Head = {
    version: 1,
    url: response.url,
    headers: Object.fromEntries(kept),
    body: { sha256: sha256(response.body), size: response.body.length },
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), response.body]);
}

function parse(data: Buffer): HttpResponse | undefined {
  try {
    const end = data.indexOf(0x0a);
    const head = JSON.parse(data.toString('utf8', 0, end)) as Head;
    const body = data.subarray(end + 1);
    const isWhole = head.version === 1 && body.length === head.body.size && sha256(body) === head.body.sha256;
    return isWhole ? { status: 200, url: head.url, headers: head.headers, body } : undefined;
  } catch {
    return undefined;
  }
}

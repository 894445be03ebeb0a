import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256 } from '../../digest.ts';
import type { IndexFile } from './index-file.ts';
import { SIMPLE_JSON } from './simple-api.ts';

/** A file that the desk offers, and where it really lies. */
export interface OfferedFile extends IndexFile {
  /** The index or page that lists it; may hold credentials. */
  readonly source: string;
}

export interface DeskContent {
  /** The files of a project, by its normalised name; undefined for a name that no source knows. */
  readonly files: (name: string) => Promise<readonly OfferedFile[] | undefined>;
  /** The METADATA of one of the files that `files` gave. */
  readonly metadata: (file: OfferedFile) => Promise<Uint8Array>;
}

export interface IndexDesk {
  /** URL of the index, on loopback. */
  readonly url: string;
  /** The real file behind one of the desk's own URLs. */
  fileOf(url: string): OfferedFile | undefined;
  /** The first thing that went wrong while a page or metadata was looked up. */
  failure(): { readonly error: unknown } | undefined;
  close(): Promise<void>;
}

/**
 * A package index on loopback for a resolver that knows one index and no routes: each name shows the files that it may be
 * chosen from, whichever sources they come from, always with metadata. Nothing is served but pages and metadata, and whatever
 * cannot be looked up is kept for the caller, who knows better than the resolver what it means.
 * https://packaging.python.org/en/latest/specifications/simple-repository-api/
 */
export async function openIndexDesk(content: DeskContent): Promise<IndexDesk> {
  const offered: OfferedFile[] = [];
  const pages = new Map<string, Promise<string | undefined>>();
  let failure: { readonly error: unknown } | undefined;

  const page = (name: string): Promise<string | undefined> => {
    const known = pages.get(name) ?? content.files(name).then((files) => files && pageOf(name, files));
    pages.set(name, known);
    return known;
  };
  const pageOf = (name: string, files: readonly OfferedFile[]): string =>
    JSON.stringify({
      meta: { 'api-version': '1.1' },
      name,
      files: files.map((file) => {
        const number = offered.push(file) - 1;
        return {
          filename: file.filename,
          url: `/files/${number}/${encodeURIComponent(file.filename)}`,
          // Without a hash uv reads the wheel rather than its metadata: one of the URL stands in, and goes no further.
          hashes: { sha256: file.sha256 ?? sha256(file.url) },
          ...(file.size === undefined ? {} : { size: file.size }),
          ...(file.requiresPython === undefined ? {} : { 'requires-python': file.requiresPython }),
          ...(file.yanked === undefined ? {} : { yanked: file.yanked === '' ? true : file.yanked }),
          ...(file.uploadTime === undefined ? {} : { 'upload-time': file.uploadTime }),
          ...(file.filename.endsWith('.whl') ? { 'core-metadata': true } : {}),
        };
      }),
    });

  const answer = async (
    path: string,
  ): Promise<{ readonly type: string; readonly body: string | Uint8Array } | undefined> => {
    const name = /^\/simple\/([a-z0-9]+(?:-[a-z0-9]+)*)\/$/.exec(path)?.[1];
    if (name !== undefined) {
      const body = await page(name);
      return body === undefined ? undefined : { type: SIMPLE_JSON, body };
    }
    const number = /^\/files\/(\d{1,9})\/[^/]+\.metadata$/.exec(path)?.[1];
    const file = number === undefined ? undefined : offered[Number(number)];
    return file === undefined ? undefined : { type: 'application/octet-stream', body: await content.metadata(file) };
  };
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    request.resume();
    try {
      const found = request.method === 'GET' ? await answer(request.url ?? '') : undefined;
      if (found === undefined) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': found.type }).end(found.body);
    } catch (error) {
      failure ??= { error };
      response.writeHead(500).end();
    }
  };

  const server = createServer((request, response) => void respond(request, response));
  // uv retries nothing here: a connection that is closed while it is used again would be an error.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/simple`,
    fileOf: (url) => {
      const number = url.startsWith(`${origin}/`)
        ? /^\/files\/(\d{1,9})\//.exec(new URL(url).pathname)?.[1]
        : undefined;
      return number === undefined ? undefined : offered[Number(number)];
    },
    failure: () => failure,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

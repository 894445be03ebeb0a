import { createReadStream } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256 } from '../../../digest.ts';
import { bug } from '../../../errors.ts';
import type { IndexFile } from '../../../sources/pypi/index-file.ts';

/** A version of a project that has a source and no usable wheel, as the resolver is told of it. */
export interface OfferedBuild {
  readonly version: string;
  readonly requiresPython?: string;
  readonly uploadTime?: string;
  readonly yanked?: string;
  /** Its METADATA; called when the resolver wants to know. */
  metadata(): Promise<Buffer>;
}

/** A wheel in the store that requirements name by URL. */
export interface OfferedWheel {
  readonly filename: string;
  readonly path: string;
  readonly size: number;
}

/** A package index on loopback that knows what can be built here. */
export interface LocalIndex {
  /** To be asked before every other index; it knows no project but those offered. */
  readonly url: string;
  /** From now on the project consists of these files and builds. */
  offer(name: string, files: readonly IndexFile[], builds: readonly OfferedBuild[]): void;
  /** URL of a wheel. */
  publish(wheel: OfferedWheel): string;
  /** The version that a URL of the resolver's answer stands for. */
  find(url: string): { readonly name: string; readonly version: string } | undefined;
  close(): Promise<void>;
}

interface Project {
  readonly files: readonly IndexFile[];
  readonly builds: readonly OfferedBuild[];
}

/**
 * Serves to the resolver what no index has: builds as wheels whose metadata is made when it is asked for. So nothing of a project runs outside the sandbox, and only versions that the resolver looks at
 * are built. Nothing is cached on its side.
 */
export async function openLocalIndex(): Promise<LocalIndex> {
  const projects = new Map<string, Project>();
  const wheels = new Map<string, OfferedWheel>();
  let url = '';

  const filenameOf = (name: string, version: string): string =>
    `${name.replaceAll('-', '_')}-${version.replaceAll('-', '_')}-py3-none-any.whl`;

  const respond = async (path: string, response: ServerResponse): Promise<void> => {
    const [, kind = '', ...rest] = decodeURIComponent(path).split('/');
    const name = rest[0] ?? '';
    const project = projects.get(name);
    if (kind === 'simple' && project !== undefined) {
      response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(page(name, project)));
      return;
    }
    const build = project?.builds.find(({ version }) => `${filenameOf(name, version)}.metadata` === rest[1]);
    if (kind === 'build' && build !== undefined) {
      const metadata = await build.metadata();
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': metadata.length }).end(metadata);
      return;
    }
    const wheel = kind === 'wheel' ? wheels.get(rest.join('/')) : undefined;
    if (wheel === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/zip', 'content-length': wheel.size });
    createReadStream(wheel.path).pipe(response);
  };

  const page = (name: string, { files, builds }: Project) => ({
    meta: { 'api-version': '1.1' },
    name,
    files: [
      ...files.map((file) => ({
        filename: file.filename,
        url: file.url,
        hashes: file.sha256 === undefined ? {} : { sha256: file.sha256 },
        ...(file.size === undefined ? {} : { size: file.size }),
        ...(file.requiresPython === undefined ? {} : { 'requires-python': file.requiresPython }),
        ...(file.yanked === undefined ? {} : { yanked: file.yanked }),
        ...(file.uploadTime === undefined ? {} : { 'upload-time': file.uploadTime }),
        ...(file.metadata === undefined
          ? {}
          : { 'core-metadata': file.metadata.sha256 === undefined ? true : { sha256: file.metadata.sha256 } }),
      })),
      ...builds.map(({ version, requiresPython, uploadTime, yanked }) => ({
        filename: filenameOf(name, version),
        url: `${url}/build/${name}/${encodeURIComponent(filenameOf(name, version))}`,
        // Without a hash uv reads the wheel rather than its metadata.
        hashes: { sha256: sha256(`${name} ${version}`) },
        ...(requiresPython === undefined ? {} : { 'requires-python': requiresPython }),
        ...(uploadTime === undefined ? {} : { 'upload-time': uploadTime }),
        ...(yanked === undefined ? {} : { yanked }),
        'core-metadata': true,
      })),
    ],
  });

  const server = createServer((request, response) => {
    respond(request.url ?? '', response).catch(() => response.writeHead(404).end());
    request.resume();
  });
  // A build takes longer than any client that asks for a file should be kept.
  server.requestTimeout = 0;
  // uv retries nothing here: a connection that is closed while it is used again would be an error.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo | null;
  if (address === null) throw bug('a server that listens has no address');
  url = `http://127.0.0.1:${address.port}`;
  return {
    url: `${url}/simple/`,
    offer: (name, files, builds) => {
      projects.set(name, { files, builds });
    },
    publish: (wheel) => {
      const place = `${wheels.size}/${wheel.filename}`;
      wheels.set(place, wheel);
      return `${url}/wheel/${wheels.size - 1}/${encodeURIComponent(wheel.filename)}`;
    },
    find: (text) => {
      if (!text.startsWith(`${url}/build/`)) return undefined;
      const [name = '', filename = ''] = decodeURIComponent(text.slice(`${url}/build/`.length)).split('/');
      const version = projects.get(name)?.builds.find((build) => filenameOf(name, build.version) === filename)?.version;
      return version === undefined ? undefined : { name, version };
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GcsServer {
  /** Without a trailing slash. */
  readonly url: string;
  /** Path and query of every request. */
  readonly requests: readonly string[];
  readonly objects: Map<string, Buffer>;
  close(): Promise<void>;
}

/** One bucket, `weights`, as Google's JSON API shows it, two objects a page; and the metadata service that gives `token`, which the bucket wants. */
export async function startGcs(token?: string): Promise<GcsServer> {
  const objects = new Map<string, Buffer>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    requests.push(`${url.pathname}${url.search}`);
    if (url.pathname.endsWith('/service-accounts/default/token') && request.headers['metadata-flavor'] === 'Google') {
      return json(response, { access_token: token, expires_in: 3599 });
    }
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) return end(response, 401);
    const [, bucket, name] = /^\/storage\/v1\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    if (bucket !== 'weights') return end(response, 404);
    if (name === undefined) {
      const prefix = url.searchParams.get('prefix') ?? '';
      const names = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
      const start = Number(url.searchParams.get('pageToken') ?? 0);
      const end = start + Math.min(2, Number(url.searchParams.get('maxResults') ?? 2));
      const items = names
        .slice(start, end)
        .map((key) => ({ name: key, size: String(objects.get(key)?.length), generation: '1', etag: 'e' }));
      return json(response, {
        ...(items.length === 0 ? {} : { items }),
        ...(end < names.length ? { nextPageToken: String(end) } : {}),
      });
    }
    const body = objects.get(decodeURIComponent(name));
    if (body === undefined || url.searchParams.get('alt') !== 'media') return end(response, 404);
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const rest = body.subarray(Number(from ?? 0), to === undefined || to === '' ? undefined : Number(to) + 1);
    response.writeHead(from === undefined ? 200 : 206, {
      'content-length': rest.length,
      ...(from === undefined
        ? {}
        : { 'content-range': `bytes ${from}-${Number(from) + rest.length - 1}/${body.length}` }),
    });
    response.end(rest);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    objects,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

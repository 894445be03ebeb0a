import { createHash } from 'node:crypto';
import { sha256 } from '../../src/digest.ts';
import type { HttpTestServer } from './http-server.ts';

export interface HubRepository {
  /** `owner/name`. */
  readonly name: string;
  /** By path: small files as text, LFS objects as bytes. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Names of the revision beside its commit. */
  readonly refs?: readonly string[];
  /** Files on one page of the listing; default 2, so that there are pages. */
  readonly pageSize?: number;
  /** Bearer token that the hub wants. */
  readonly token?: string;
  /** Where LFS objects are served, apart from the hub; default: the hub itself. */
  readonly objects?: HttpTestServer;
}

/** Serves a repository as the Hugging Face Hub does: revision, tree with pages, resolve with a redirect for LFS objects. Returns its commit. */
export function publishRepository(server: HttpTestServer, repository: HubRepository): string {
  const { name, files, refs = ['main'], pageSize = 2, token, objects = server } = repository;
  const commit = createHash('sha1')
    .update(JSON.stringify(Object.entries(files).map(([path, body]) => [path, sha256(body)])))
    .digest('hex');
  const guarded = (path: string, answer: Parameters<HttpTestServer['answer']>[1]): void =>
    server.answer(path, (request) =>
      token !== undefined && request.headers.authorization !== `Bearer ${token}`
        ? { status: 401, body: 'who are you?' }
        : typeof answer === 'function'
          ? answer(request)
          : answer,
    );
  for (const ref of [commit, ...refs]) {
    guarded(`/api/models/${name}/revision/${ref}`, {
      body: JSON.stringify({ sha: commit, id: name, siblings: Object.keys(files).map((rfilename) => ({ rfilename })) }),
    });
  }
  const rows = Object.entries(files).map(([path, body]) => {
    const size = Buffer.byteLength(body);
    if (typeof body !== 'string')
      return { type: 'file', path, size, oid: '0'.repeat(40), lfs: { oid: sha256(body), size } };
    const oid = createHash('sha1').update(`blob ${size}\0`).update(body).digest('hex');
    return { type: 'file', path, size, oid };
  });
  const pages = Math.max(1, Math.ceil(rows.length / pageSize));
  for (let page = 0; page < pages; page++) {
    const path = (number: number): string =>
      `/api/models/${name}/tree/${commit}?recursive=true${number === 0 ? '' : `&cursor=${number}`}`;
    const link: Record<string, string> =
      page + 1 < pages ? { link: `<${server.url}${path(page + 1)}>; rel="next"` } : {};
    guarded(path(page), { body: JSON.stringify(rows.slice(page * pageSize, (page + 1) * pageSize)), headers: link });
  }
  for (const [path, body] of Object.entries(files)) {
    for (const revision of [commit, ...refs]) {
      const at = `/${name}/resolve/${revision}/${path}`;
      const hash = sha256(body);
      const own = { 'x-repo-commit': commit, etag: `"${hash}"` };
      if (typeof body === 'string') {
        guarded(at, { body, headers: own });
        continue;
      }
      objects.answer(`/objects/${hash}`, { body });
      const linked = { 'x-linked-etag': `"${hash}"`, 'x-linked-size': String(body.length) };
      guarded(at, { status: 302, headers: { ...own, ...linked, location: `${objects.url}/objects/${hash}` } });
    }
  }
  return commit;
}

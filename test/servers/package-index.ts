import { sha256 } from '../../src/digest.ts';
import { normalizeName } from '../../src/formats/python/name.ts';
import { aWheelFile, type WheelParts } from '../builders/wheel.ts';
import type { Answer, HttpTestServer } from './http-server.ts';

/** A wheel to publish, and what the index tells of it beside its name. */
export interface PublishedWheel extends WheelParts {
  readonly yanked?: string;
  readonly uploadTime?: string;
  readonly requiresPython?: string;
}

export interface IndexOptions {
  /** Path of the index; default `/simple`. */
  readonly path?: string;
  readonly format?: 'json' | 'html';
  /** Tell the sha256 of files; default true. */
  readonly hashes?: boolean;
  /** Tell sizes; JSON alone can. Default true. */
  readonly sizes?: boolean;
  /** What lies beside the wheels: nothing (default), metadata told by hash, by a wrong hash, or not told at all. */
  readonly metadata?: 'none' | 'hash' | 'wrong-hash' | 'untold';
  /** `user:password` that every answer wants. */
  readonly credentials?: string;
  /** What the index tells of every project: https://peps.python.org/pep-0792/ */
  readonly projectStatus?: { readonly status: string; readonly reason: string };
  /** Serve byte ranges; default true. */
  readonly ranges?: boolean;
}

export interface PublishedFile {
  readonly filename: string;
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly url: string;
}

/** Publishes wheels on a test server as a package index; the files lie at `<path>-files/`. Returns them by file name. */
export function publishWheels(
  server: HttpTestServer,
  wheels: readonly PublishedWheel[],
  options: IndexOptions = {},
): ReadonlyMap<string, PublishedFile> {
  const path = options.path ?? '/simple';
  const files = new Map<string, PublishedFile>();
  const projects = new Map<string, Row[]>();
  const answer = (at: string, content: Answer): void => server.answer(at, (request) => guard(content, request.headers));

  for (const wheel of wheels) {
    const { filename, bytes } = aWheelFile(wheel);
    const place = `${path}-files/${filename}`;
    const file = { filename, bytes, sha256: sha256(bytes), url: `${server.url}${place}` };
    files.set(filename, file);
    const metadata = metadataOf(wheel);
    const told =
      options.metadata === 'hash' ? sha256(metadata) : options.metadata === 'wrong-hash' ? sha256('wrong') : undefined;
    answer(place, { body: bytes, headers: { 'content-type': 'application/zip' }, ranges: options.ranges ?? true });
    if (options.metadata !== undefined && options.metadata !== 'none') answer(`${place}.metadata`, { body: metadata });
    const name = normalizeName(wheel.name ?? 'demo');
    const rows = projects.get(name) ?? [];
    projects.set(name, rows);
    rows.push({
      filename,
      url: place,
      hashes: options.hashes === false ? {} : { sha256: file.sha256 },
      ...(options.sizes === false ? {} : { size: bytes.length }),
      ...(told === undefined ? {} : { 'core-metadata': { sha256: told } }),
      ...(wheel.yanked === undefined ? {} : { yanked: wheel.yanked === '' ? true : wheel.yanked }),
      ...(wheel.uploadTime === undefined ? {} : { 'upload-time': wheel.uploadTime }),
      ...(wheel.requiresPython === undefined ? {} : { 'requires-python': wheel.requiresPython }),
    });
  }
  for (const [name, rows] of projects) {
    answer(`${path}/${name}/`, options.format === 'html' ? htmlPage(rows, options) : jsonPage(name, rows, options));
  }
  return files;

  function guard(content: Answer, headers: Readonly<Record<string, string | undefined>>): Answer {
    if (options.credentials === undefined) return content;
    const wanted = `Basic ${Buffer.from(options.credentials).toString('base64')}`;
    if (headers.authorization === wanted) return content;
    return { status: 401, headers: { 'www-authenticate': 'Basic realm="index"' }, body: 'who are you?' };
  }
}

function metadataOf({ name = 'demo', version = '1.0', metadata = [] }: WheelParts): string {
  return ['Metadata-Version: 2.1', `Name: ${name}`, `Version: ${version}`, ...metadata, ''].join('\n');
}

/** A file as the JSON form of the index has it. */
interface Row {
  readonly filename: string;
  readonly url: string;
  readonly hashes: { readonly sha256?: string };
  readonly size?: number;
  readonly 'core-metadata'?: { readonly sha256: string };
  readonly yanked?: true | string;
  readonly 'upload-time'?: string;
  readonly 'requires-python'?: string;
}

function jsonPage(name: string, files: readonly Row[], { projectStatus }: IndexOptions): Answer {
  return {
    headers: { 'content-type': 'application/vnd.pypi.simple.v1+json' },
    body: JSON.stringify({ meta: { 'api-version': '1.1' }, name, files, 'project-status': projectStatus }),
  };
}

function htmlPage(files: readonly Row[], { projectStatus }: IndexOptions): Answer {
  const anchors = files.map(({ filename, url, hashes, yanked, ...file }) => {
    const requiresPython = file['requires-python'];
    const metadata = file['core-metadata']?.sha256;
    const attributes = [
      `href="${url}${hashes.sha256 === undefined ? '' : `#sha256=${hashes.sha256}`}"`,
      ...(metadata === undefined ? [] : [`data-core-metadata="sha256=${metadata}"`]),
      ...(yanked === undefined ? [] : [`data-yanked="${yanked === true ? '' : yanked}"`]),
      ...(requiresPython === undefined ? [] : [`data-requires-python="${escapeHtml(requiresPython)}"`]),
    ];
    return `<a ${attributes.join(' ')}>${filename}</a><br/>`;
  });
  const meta =
    projectStatus === undefined
      ? []
      : [
          `<meta name="pypi:project-status" content="${projectStatus.status}">`,
          `<meta name="pypi:project-status-reason" content="${projectStatus.reason}">`,
        ];
  const head = `<head>${meta.join('')}</head>`;
  return {
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: `<!DOCTYPE html><html>${head}<body>${anchors.join('\n')}</body></html>`,
  };
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asSha256 } from '../../src/digest.ts';
import { parseWheelFilename } from '../../src/formats/python/wheel-filename.ts';
import { readMetadataBytes } from '../../src/sources/pypi/core-metadata.ts';
import type { TestContext } from '../builders/context.ts';

/** A file of a project, as the index told it; short keys, for there are many. */
interface RecordedFile {
  readonly file: string;
  readonly url: string;
  readonly sha256: string;
  readonly size: number;
  readonly python?: string;
  readonly yanked?: true | string;
  readonly time?: string;
}

interface Recording {
  /** By project; null for one that the index does not know. */
  readonly projects: Record<string, readonly RecordedFile[] | null>;
  /** Header of METADATA, by file name. */
  readonly metadata: Record<string, string>;
}

export interface RecordedIndex {
  /** URL of the index, for a program that reads metadata beside the wheels. */
  readonly simple: string;
  /** Value of COGPLAN_MIRRORS that leads to it. */
  readonly mirrors: string;
  /** What was asked for and is in no recording. */
  readonly missing: readonly string[];
  close(): Promise<void>;
}

const PYPI = 'https://pypi.org/simple';
const FILES = 'https://files.pythonhosted.org';

/**
 * Plays back what PyPI answered when `COGPLAN_RECORD=1` ran the same test: pages trimmed to wheels for Linux on x86-64 and Debian's Pythons (and the source
 * distributions of projects without), and the METADATA that was read. While recording, what is not there yet is asked of PyPI.
 */
export async function openRecordedIndex(path: string, context: TestContext | undefined): Promise<RecordedIndex> {
  const { projects, metadata: texts } = readRecording(path);
  const missing: string[] = [];
  let isChanged = false;

  const page = async (name: string): Promise<readonly RecordedFile[] | null> => {
    const known = projects[name];
    if (known !== undefined) return known;
    if (context === undefined) {
      missing.push(name);
      return null;
    }
    isChanged = true;
    const files = await fetchProject(name);
    projects[name] = files;
    return files;
  };
  const metadata = async (place: string): Promise<string | undefined> => {
    const filename = decodeURIComponent(place.slice(place.lastIndexOf('/') + 1));
    const known = texts[filename];
    if (known !== undefined) return known;
    const entry = Object.values(projects)
      .flatMap((files) => files ?? [])
      .find((item) => item.file === filename);
    if (context === undefined || entry === undefined) {
      missing.push(filename);
      return undefined;
    }
    isChanged = true;
    const text = await fetchHeader(context, entry);
    texts[filename] = text;
    return text;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = request.url ?? '';
    const name = /^\/simple\/([a-z0-9-]+)\/$/.exec(asked)?.[1];
    if (name !== undefined) {
      const files = await page(name);
      const headers = { 'content-type': 'application/vnd.pypi.simple.v1+json' };
      if (files === null) response.writeHead(404).end();
      else response.writeHead(200, headers).end(pageOf(name, files));
      return;
    }
    const text = asked.endsWith('.metadata') ? await metadata(asked.slice(0, -'.metadata'.length)) : undefined;
    if (text === undefined) response.writeHead(404).end();
    else response.writeHead(200).end(text);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    simple: `${origin}/simple`,
    mirrors: `${PYPI}=${origin}/simple,${FILES}=${origin}/files`,
    missing,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      if (isChanged) writeFileSync(path, render({ projects, metadata: texts }));
    },
  };

  function pageOf(project: string, files: readonly RecordedFile[]): string {
    return JSON.stringify({
      meta: { 'api-version': '1.1' },
      name: project,
      files: files.map((item) => ({
        filename: item.file,
        url: `${origin}/files/${item.url}`,
        hashes: { sha256: item.sha256 },
        size: item.size,
        'core-metadata': item.file.endsWith('.whl'),
        ...(item.python === undefined ? {} : { 'requires-python': item.python }),
        ...(item.yanked === undefined ? {} : { yanked: item.yanked }),
        ...(item.time === undefined ? {} : { 'upload-time': item.time }),
      })),
    });
  }
}

function readRecording(path: string): Recording {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Recording) : { projects: {}, metadata: {} };
}

/** One file per line, so that a new recording shows what moved. */
function render({ projects, metadata }: Recording): string {
  const sorted = <T>(record: Record<string, T>): [string, T][] =>
    Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  const pages = sorted(projects).map(([name, files]) =>
    files === null
      ? `    ${JSON.stringify(name)}: null`
      : `    ${JSON.stringify(name)}: [\n${files.map((file) => `      ${JSON.stringify(file)}`).join(',\n')}\n    ]`,
  );
  const texts = sorted(metadata).map(([name, text]) => `    ${JSON.stringify(name)}: ${JSON.stringify(text)}`);
  return `{\n  "projects": {\n${pages.join(',\n')}\n  },\n  "metadata": {\n${texts.join(',\n')}\n  }\n}\n`;
}

interface IndexRow {
  readonly filename: string;
  readonly url: string;
  readonly hashes: { readonly sha256: string };
  readonly size?: number;
  readonly 'requires-python'?: string | null;
  readonly yanked?: boolean | string;
  readonly 'upload-time'?: string;
}

async function fetchProject(name: string): Promise<readonly RecordedFile[] | null> {
  const response = await fetch(`${PYPI}/${name}/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const { files } = (await response.json()) as { files: readonly IndexRow[] };
  const wheels = files.filter(({ filename }) => isForLinux(filename));
  const kept = wheels.length > 0 ? wheels : files.filter(({ filename }) => /\.(?:tar\.gz|zip)$/.test(filename));
  return kept.map((row) => ({
    file: row.filename,
    url: row.url.replace(`${FILES}/`, ''),
    sha256: row.hashes.sha256,
    size: row.size ?? 0,
    ...(typeof row['requires-python'] === 'string' ? { python: row['requires-python'] } : {}),
    ...(row.yanked === undefined || row.yanked === false ? {} : { yanked: row.yanked }),
    ...(row['upload-time'] === undefined ? {} : { time: row['upload-time'].replace(/\.\d+/, '') }),
  }));
}

function isForLinux(filename: string): boolean {
  const wheel = parseWheelFilename(filename);
  if (wheel === undefined || wheel.version.dev !== undefined) return false;
  const isPlatform = wheel.platformTags.some((tag) => tag === 'any' || /^(?:many)?linux.*x86_64$/.test(tag));
  const isStable = wheel.abiTags.includes('abi3');
  return isPlatform && wheel.pythonTags.some((tag) => /^(?:py3\d*|cp3(?:9|11|13))$/.test(tag) || isStable);
}

/** The fields that resolving reads, without the description. */
async function fetchHeader(context: TestContext, entry: RecordedFile): Promise<string> {
  const source = {
    filename: entry.file,
    url: `${FILES}/${entry.url}`,
    sha256: asSha256(entry.sha256),
    size: entry.size,
  };
  const text = (await readMetadataBytes(context, source)).toString('utf8');
  const lines = text.split(/\r?\n\r?\n/)[0]?.split(/\r?\n/) ?? [];
  const wanted = /^(?:Metadata-Version|Name|Version|Requires-Dist|Requires-Python|Provides-Extra|Dynamic): /;
  return `${lines.filter((line) => wanted.test(line)).join('\n')}\n`;
}

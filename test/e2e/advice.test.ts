import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aWheelFile, type WheelParts } from '../builders/wheel.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { cogplan, cogplanJson, readLock } from './cogplan.ts';

let directory: string;
let server: HttpTestServer;
const pages = new Map<string, string[]>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-advice-'));
  server = await startHttpServer();
});
afterAll(async () => {
  await server?.close();
  rmSync(directory, { recursive: true, force: true });
});

function publish(name: string, filename: string, body: Buffer): void {
  server.answer(`/files/${filename}`, { body });
  pages.set(name, [...(pages.get(name) ?? []), `<a href="/files/${filename}">${filename}</a>`]);
  server.answer(`/simple/${name}/`, {
    headers: { 'content-type': 'text/html' },
    body: (pages.get(name) ?? []).join('\n'),
  });
}

function publishWheel(parts: WheelParts): void {
  const { filename, bytes } = aWheelFile(parts);
  publish(parts.name ?? '', filename, bytes);
}

async function publishSource(name: string, setup: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
  const packer = pack();
  for (const [path, text] of Object.entries(files)) packer.entry({ name: `${name}-1.0/${path}` }, text);
  packer.entry({ name: `${name}-1.0/setup.py` }, setup);
  packer.finalize();
  publish(name, `${name}-1.0.tar.gz`, gzipSync(await buffer(packer)));
}

/** A project with a package of its own that has to be built, beside what is asked for. */
function aProject(name: string, lines: readonly string[]): string {
  const project = join(directory, name);
  mkdirSync(join(project, 'vendor/cptown'), { recursive: true });
  writeFileSync(
    join(project, 'vendor/cptown/setup.py'),
    'from setuptools import setup\nsetup(name="cptown", version="1.0", py_modules=["cptown"])\n',
  );
  writeFileSync(join(project, 'vendor/cptown/cptown.py'), 'x = 1\n');
  writeFileSync(join(project, 'cog.yaml'), 'build:\n  python_version: "3.11" # ours\n  python_requirements: r.txt\n');
  const all = [`--extra-index-url ${server.url}/simple`, './vendor/cptown', ...lines];
  writeFileSync(join(project, 'r.txt'), `${all.join('\n')}\n`);
  return project;
}

interface Failure {
  readonly error: {
    readonly code: string;
    readonly hint?: string;
    readonly data?: { readonly fixes?: readonly { readonly text: string }[] };
  };
}

const failureOf = async (project: string): Promise<Failure['error']> =>
  (JSON.parse((await cogplan(['lock', '--yes', '--json', project])).stdout) as Failure).error;

/** Follows each advice to the letter, in a copy of the project. */
async function followed(project: string, count: number): Promise<readonly string[]> {
  const results: string[] = [];
  for (let number = 1; number <= count; number++) {
    const copy = `${project}-${number}`;
    cpSync(project, copy, { recursive: true });
    await cogplanJson(['lock', '--yes', '--fix', String(number), copy]);
    const target = readLock(copy).targets['linux/amd64'];
    const packages = (target?.python.packages ?? []).map((item) => `${item.name} ${item.version}`);
    results.push(`Python ${target?.interpreter.version.replace(/\.\d+$/, '')}: ${packages.join(', ')}`);
  }
  return results;
}

test('advice for a project with sources of its own is tried with them built, for the Python that it names', async () => {
  publishWheel({ name: 'cptold', version: '1.0', tags: 'cp39-cp39-manylinux2014_x86_64' });
  publishWheel({ name: 'cptold', version: '2.0', tags: 'cp311-cp311-manylinux2014_x86_64' });
  const project = aProject('wheels', ['cptold==1.0']);
  const { code, data } = await failureOf(project);
  expect(code).toBe('COGPLAN_NO_WHEEL');
  expect(data?.fixes?.map(({ text }) => text).slice(0, 2)).toEqual(['python_version: "3.9"', 'ask for cptold==2.0']);
  expect(await followed(project, data?.fixes?.length ?? 0)).toEqual(
    expect.arrayContaining(['Python 3.9: cptold 1.0, cptown 1.0', 'Python 3.11: cptold 2.0, cptown 1.0']),
  );
});

test('a build that fails is told with the versions that need none', async () => {
  await publishSource('cptbroken', 'raise SystemExit("no such thing as a setup")\n');
  publishWheel({ name: 'cptbroken', version: '1.1' });
  const project = aProject('broken', ['cptbroken==1.0']);
  const { code, data } = await failureOf(project);
  expect(code).toBe('COGPLAN_BUILD_FAILED');
  expect(data?.fixes?.[0]?.text).toBe('ask for cptbroken==1.1');
  expect(await followed(project, 1)).toEqual(['Python 3.11: cptbroken 1.1, cptown 1.0']);
});

test('headers that a build misses are added to the list of Debian packages, one after the other', async () => {
  await publishSource(
    'cptneedy',
    'from setuptools import setup, Extension\nsetup(name="cptneedy", version="1.0", ext_modules=[Extension("cptneedy", ["n.c"])])\n',
    { 'n.c': '#include <sndfile.h>\n#include <magic.h>\nint x;\n' },
  );
  const project = aProject('needy', ['cptneedy==1.0']);
  const config =
    'build:\n  python_version: "3.11"\n  system_packages:\n    - "tini" # ours\n  python_requirements: r.txt\n';
  writeFileSync(join(project, 'cog.yaml'), config);
  const { code, data } = await failureOf(project);
  expect(code).toBe('COGPLAN_BUILD_FAILED');
  expect(data?.fixes?.[0]?.text).toBe('add libsndfile1-dev, libmagic-dev to build.system_packages');
  expect(await followed(project, 1)).toEqual(['Python 3.11: cptneedy 1.0, cptown 1.0']);
  expect(readFileSync(join(`${project}-1`, 'cog.yaml'), 'utf8')).toBe(
    config.replace('# ours\n', '# ours\n    - "libsndfile1-dev"\n    - "libmagic-dev"\n'),
  );
});

test('a change that leads to nothing but another failing build is not offered', async () => {
  await publishSource('cpthopeless', 'raise SystemExit("never")\n');
  const project = aProject('hopeless', ['cpthopeless==1.0']);
  const { code, data } = await failureOf(project);
  expect(code).toBe('COGPLAN_BUILD_FAILED');
  expect(data?.fixes ?? []).toEqual([]);
});

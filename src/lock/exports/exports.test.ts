import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { aDeb, aFile, aLock, aTarget, aWheel } from '../../../test/builders/lock.ts';
import { sha256 } from '../../digest.ts';
import type { Python } from '../schema.generated.ts';
import { exportCycloneDx } from './cyclonedx.ts';
import type { ExportInput } from './export-input.ts';
import { exportPylock } from './pylock.ts';
import { exportRequirements } from './requirements.ts';
import { exportSpdx } from './spdx.ts';

const built = (kind: 'archive' | 'git' | 'directory', url: string, more = {}) => ({
  source: { kind, file: aFile('source', { url }), ...more },
  requires: [],
  recipe: sha256('recipe'),
});
const PACKAGES = [
  aWheel('demo', '1.0', { requires: ['numpy>=1', 'absent ; extra == "x"'] }),
  aWheel('direct', '2.0', { asked: ['requirements.txt:1: direct @ https://files.test/direct-2.0-py3-none-any.whl'] }),
  aWheel('local', '1.0', { file: aFile('local', { url: 'project:wheels/local-1.0-py3-none-any.whl' }) }),
  aWheel('numpy', '1.26.4+cu1', { index: 'https://other.test/simple' }),
  aWheel('sdist', '3.0', { built: built('archive', 'https://files.test/sdist-3.0.tar.gz') }),
];
const FROM_GIT = aWheel('repo', '0.1', {
  built: built('git', 'git+https://h.test/o/repo.git@0123456789abcdef0123456789abcdef01234567', {
    ref: 'main',
    subdirectory: 'sub',
  }),
});
const FOLDER = aWheel('folder', '0.1', { built: built('directory', 'project:vendor/folder') });

function input(packages: Python['packages'] = PACKAGES): ExportInput {
  const target = aTarget({
    python: {
      indexes: ['https://index.test/simple', 'https://other.test/simple', 'https://links.test/p.html'],
      packages,
    },
    system: {
      archives: aTarget().system.archives,
      packages: [
        aDeb('libc6', '2.36-9+deb12u13', { depends: ['libgcc-s1', 'gone'] }),
        aDeb('libgcc-s1', '1:12.2.0-14'),
      ],
    },
  });
  const lock = aLock({
    asked: { python: { 'find-links': ['https://links.test/p.html'] } },
    targets: { 'linux/amd64': target },
  });
  return { lock, target, platform: 'linux/amd64', name: 'model' };
}

describe('a requirements file with hashes', () => {
  test('names each package in the words of pip', () => {
    const hash = (name: string): string => `    --hash=sha256:${sha256(name)}`;
    expect(exportRequirements(input())).toBe(
      [
        '# linux/amd64, Python 3.11.2; from cogplan.lock',
        '--index-url https://index.test/simple',
        '--extra-index-url https://other.test/simple',
        '--find-links https://links.test/p.html',
        'demo==1.0 \\',
        hash('demo-1.0-py3-none-any.whl'),
        'direct @ https://files.test/direct-2.0-py3-none-any.whl \\',
        hash('direct-2.0-py3-none-any.whl'),
        './wheels/local-1.0-py3-none-any.whl \\',
        hash('local'),
        'numpy==1.26.4+cu1 \\',
        hash('numpy-1.26.4+cu1-py3-none-any.whl'),
        'sdist==3.0 \\',
        hash('source'),
        '',
      ].join('\n'),
    );
  });

  test.each([FROM_GIT, FOLDER])('cannot hold what has no hash: $name', (item) => {
    expect(() => exportRequirements(input([item]))).toThrow(
      expect.objectContaining({ code: 'COGPLAN_EXPORT_IMPOSSIBLE', subject: item.name }),
    );
  });
});

test('pylock.toml holds every kind of package', () => {
  const document = parse(exportPylock(input([...PACKAGES, FROM_GIT, FOLDER])));
  expect(document).toMatchObject({ 'lock-version': '1.0', 'requires-python': '==3.11.*', 'created-by': 'cogplan' });
  const sized = (name: string) => ({ size: aFile(name).size, hashes: { sha256: sha256(name) } });
  const demo = 'demo-1.0-py3-none-any.whl';
  const numpy = 'numpy-1.26.4+cu1-py3-none-any.whl';
  const direct = 'direct-2.0-py3-none-any.whl';
  expect(document.packages).toEqual([
    {
      name: 'demo',
      version: '1.0',
      dependencies: [{ name: 'numpy' }],
      index: 'https://index.test/simple',
      wheels: [{ name: demo, url: `https://files.test/${demo}`, ...sized(demo) }],
    },
    { name: 'direct', version: '2.0', archive: { url: `https://files.test/${direct}`, ...sized(direct) } },
    { name: 'local', version: '1.0', archive: { path: 'wheels/local-1.0-py3-none-any.whl', ...sized('local') } },
    {
      name: 'numpy',
      version: '1.26.4+cu1',
      index: 'https://other.test/simple',
      wheels: [{ name: numpy, url: `https://files.test/${numpy}`, ...sized(numpy) }],
    },
    {
      name: 'sdist',
      version: '3.0',
      index: 'https://index.test/simple',
      sdist: { name: 'sdist-3.0.tar.gz', url: 'https://files.test/sdist-3.0.tar.gz', ...sized('source') },
    },
    {
      name: 'repo',
      version: '0.1',
      vcs: {
        type: 'git',
        url: 'https://h.test/o/repo.git',
        'requested-revision': 'main',
        'commit-id': '0123456789abcdef0123456789abcdef01234567',
        subdirectory: 'sub',
      },
    },
    { name: 'folder', version: '0.1', directory: { path: 'vendor/folder' } },
  ]);
});

test('a CycloneDX document fits the published schema', async () => {
  const text = exportCycloneDx(input([...PACKAGES, FROM_GIT]));
  const document = JSON.parse(text);
  const folder = new URL(
    '../res/schema/',
    `file://${createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library')}`,
  );
  expect(document.components.map((item: { 'bom-ref': string }) => item['bom-ref'])).toEqual([
    'python/demo',
    'python/direct',
    'python/local',
    'python/numpy',
    'python/repo',
    'python/sdist',
    'runtime/cog',
    'runtime/uvicorn',
    'system/libc6',
    'system/libgcc-s1',
  ]);
  expect(document.components.at(-1).purl).toBe('pkg:deb/debian/libgcc-s1@1%3A12.2.0-14?arch=amd64&distro=bookworm');
  expect(document.dependencies.find(({ ref }: { ref: string }) => ref === 'python/demo').dependsOn).toEqual([
    'python/numpy',
  ]);
  expect(document.metadata.timestamp).toBe('2026-11-01T00:00:00Z');
  expect(exportCycloneDx(input([...PACKAGES, FROM_GIT]))).toBe(text);

  const schema = async (name: string) =>
    JSON.parse(await readFile(new URL(`${name}.SNAPSHOT.schema.json`, folder), 'utf8'));
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ['spdx', 'jsf-0.82']) {
    const { $id: _, ...rest } = await schema(name);
    ajv.addSchema(rest, `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  }
  const validate = ajv.compile(await schema('bom-1.6'));
  validate(document);
  expect(validate.errors).toBeNull();
  validate({ ...document, specVersion: 2 });
  expect(validate.errors).not.toBeNull();
});

test('an SPDX document names each item once and relates it to the image', () => {
  const document = JSON.parse(exportSpdx(input([...PACKAGES, FROM_GIT])));
  const ids = document.packages.map((item: { SPDXID: string }) => item.SPDXID);
  expect(new Set(ids).size).toBe(11);
  for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
  for (const { spdxElementId, relatedSpdxElement } of document.relationships) {
    for (const id of [spdxElementId, relatedSpdxElement]) expect([...ids, 'SPDXRef-DOCUMENT']).toContain(id);
  }
  expect(
    document.relationships.filter((item: { relationshipType: string }) => item.relationshipType === 'CONTAINS'),
  ).toHaveLength(10);
  expect(document.packages.find((item: { name: string }) => item.name === 'repo').downloadLocation).toMatch(
    /^git\+https:/,
  );
});

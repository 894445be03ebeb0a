import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../digest.ts';
import { bundledFile, bundledSdk } from './bundled-runtime.ts';

const FILENAME = 'cog-0.23.1+cogplan.1-py3-none-any.whl';
const MANIFEST = { filename: FILENAME, version: '0.23.1+cogplan.1', sha256: sha256('wheel'), size: 5 };
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-runtime-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const write = (manifest: object): void => writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));

test('the wheel that the manifest tells of', () => {
  write(MANIFEST);
  expect(bundledSdk(directory)).toEqual({
    name: 'cog',
    version: '0.23.1+cogplan.1',
    file: { url: `cogplan:runtime/${FILENAME}`, sha256: sha256('wheel'), size: 5 },
    requires: [],
  });
  expect(bundledFile(`cogplan:runtime/${FILENAME}`, directory)).toBe(join(directory, FILENAME));
});

test.each([
  'cogplan:runtime/cog-0.22.0-py3-none-any.whl',
  'cogplan:runtime/../../etc/passwd',
  'cogplan:runtime/manifest.json',
  'https://files.test/cog-0.23.1-py3-none-any.whl',
])('%s is not among what ships', (url) => {
  write(MANIFEST);
  expect(bundledFile(url, directory)).toBeUndefined();
});

test.each([
  ['no manifest', undefined],
  ['a manifest of another shape', { filename: FILENAME }],
  ['a file name that leads elsewhere', { ...MANIFEST, filename: '../cog-1-py3-none-any.whl' }],
  ['a malformed hash', { ...MANIFEST, sha256: 'abc' }],
])('%s is told with what to do', (_, manifest) => {
  if (manifest !== undefined) write(manifest);
  expect(() => bundledSdk(directory)).toThrow(
    expect.objectContaining({ code: 'COGPLAN_RUNTIME_MISSING', hint: expect.stringContaining('npm run build') }),
  );
});

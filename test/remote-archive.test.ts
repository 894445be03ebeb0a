import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sourceMembers, wheelMembers } from '../scripts/remote-archive.mjs';
import { aWheelFile } from './builders/wheel.ts';
import { type HttpTestServer, startHttpServer } from './servers/http-server.ts';

let server: HttpTestServer;
beforeEach(async () => {
  server = await startHttpServer();
});
afterEach(() => server.close());

test('members of a wheel are read without the whole of it', async () => {
  const filler = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`demo/part${index}.bin`, `${index}`.repeat(20_000)]),
  );
  const { filename, bytes } = aWheelFile({
    name: 'demo',
    version: '1.0',
    files: { ...filler, 'demo/version.py': "cuda = '12.8'\n" },
    metadata: ['Requires-Dist: lib>=1'],
  });
  server.answer(`/${filename}`, { body: bytes, ranges: true });
  const file = { url: `${server.url}/${filename}`, size: bytes.length };
  const found = await wheelMembers(file, (name) => name === 'demo/version.py' || name.endsWith('/METADATA'));
  expect(found.get('demo/version.py')?.toString('utf8')).toBe("cuda = '12.8'\n");
  expect(found.get('demo-1.0.dist-info/METADATA')?.toString('utf8')).toContain('Requires-Dist: lib>=1');
  expect(found.size).toBe(2);
});

test('a server without ranges, or bytes that are no wheel, are errors', async () => {
  const { filename, bytes } = aWheelFile({ name: 'demo', version: '1.0' });
  server.answer(`/${filename}`, { body: bytes, ranges: false });
  const file = { url: `${server.url}/${filename}`, size: bytes.length };
  await expect(wheelMembers(file, () => true)).rejects.toThrow(/answers 200 to a range/);
  server.answer('/other', { body: Buffer.alloc(500), ranges: true });
  await expect(wheelMembers({ url: `${server.url}/other`, size: 500 }, () => true)).rejects.toThrow(/no directory/);
});

test('members of a source archive', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cogplan-source-'));
  try {
    mkdirSync(join(directory, 'demo-1.0/demo.egg-info'), { recursive: true });
    writeFileSync(join(directory, 'demo-1.0/PKG-INFO'), 'Requires-Python: >=3.8\n');
    writeFileSync(join(directory, 'demo-1.0/demo.egg-info/requires.txt'), 'numpy\n\n[cuda]\nlib\n');
    server.answer('/demo-1.0.tar.gz', { body: execFileSync('tar', ['cz', '-C', directory, 'demo-1.0']) });
    const found = await sourceMembers({ url: `${server.url}/demo-1.0.tar.gz` }, (name) => /requires\.txt$/.test(name));
    expect([...found].map(([name, bytes]) => [name, bytes.toString('utf8')])).toEqual([
      ['demo-1.0/demo.egg-info/requires.txt', 'numpy\n\n[cuda]\nlib\n'],
    ]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

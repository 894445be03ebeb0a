import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Header, pack } from 'tar-stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { standaloneEntries } from './standalone-entries.ts';

let directory: string;
let count = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-standalone-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Member {
  readonly name: string;
  readonly mode?: number;
  readonly type?: Header['type'];
  readonly linkname?: string;
  readonly text?: string;
}

async function entriesOf(members: readonly Member[]) {
  const packer = pack();
  for (const { text, ...header } of members) packer.entry(header, text ?? '');
  packer.finalize();
  const file = join(directory, `${count++}.tar`);
  writeFileSync(file, await buffer(packer));
  return standaloneEntries(file, 'Python 3.10.1');
}

const program = (root: string) => ({ name: `${root}bin/python3.10`, mode: 0o775, text: 'elf' });

it.each(['python/', 'python/install/'])('puts %s below /usr/local, with parents and two modes', async (root) => {
  const members: readonly Member[] = [
    program(root),
    { name: `${root}bin/python3`, type: 'symlink', linkname: 'python3.10' },
    { name: `${root}bin/pip3`, text: '#!' },
    { name: `${root}lib/libpython3.so`, type: 'symlink', linkname: 'libpython3.10.so.1.0' },
    { name: `${root}lib/python3.10/os.py`, mode: 0o600, text: 'x' },
    { name: `${root}lib/python3.10/__pycache__/os.cpython-310.pyc`, text: 'x' },
    { name: `${root}lib/python3.10/site-packages/pip/__init__.py`, text: 'x' },
    { name: 'python/build/core.o', text: 'x' },
  ];
  const entries = await entriesOf(
    members.filter(({ name }) => root === 'python/install/' || !name.includes('/build/')),
  );
  expect(entries.map(({ path, type, mode }) => `${type} ${mode.toString(8)} ${path}`)).toEqual([
    'directory 755 usr',
    'directory 755 usr/local',
    'directory 755 usr/local/bin',
    'file 755 usr/local/bin/python3.10',
    'directory 755 usr/local/lib',
    'symlink 777 usr/local/lib/libpython3.so',
    'directory 755 usr/local/lib/python3.10',
    'file 644 usr/local/lib/python3.10/os.py',
  ]);
});

it.each([
  ['nothing of Python', [{ name: 'readme', text: 'x' }], 'COGPLAN_INTERPRETER_INVALID'],
  [
    'a link out of it',
    [program('python/'), { name: 'python/lib/x', type: 'symlink', linkname: '../../../etc/x' }],
    'COGPLAN_INTERPRETER_INVALID',
  ],
  [
    'an absolute link',
    [program('python/'), { name: 'python/lib/x', type: 'symlink', linkname: '/etc/passwd' }],
    'COGPLAN_INTERPRETER_INVALID',
  ],
  ['a path out of it', [program('python/'), { name: 'python/../../x', text: 'x' }], 'COGPLAN_ARCHIVE_INVALID'],
] as const)('refuses %s', async (_name, members, code) => {
  await expect(entriesOf(members)).rejects.toMatchObject({ code });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { silentHost } from '../../events.ts';
import { openStore } from '../../store/open-store.ts';
import type { BytecodeRecipe, DebInput } from '../recipe.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type BytecodeInputs, deriveBytecode } from './bytecode.ts';
import { freshDerivations } from './derivations.ts';
import type { LayerEntry } from './entry.ts';

// Speaks the compiler's protocol: the "bytecode" of a module is its path and source; a source that begins with "!" does not compile.
const INTERPRETER = `
const input = require('node:fs').readFileSync(0);
const frame = (data) => { const n = Buffer.alloc(4); n.writeUInt32BE(data.length); process.stdout.write(Buffer.concat([n, data])); };
frame(Buffer.from('cpython-311'));
for (let at = 0; at < input.length; ) {
  const take = () => { const n = input.readUInt32BE(at); at += 4 + n; return input.subarray(at - n, at); };
  const [path, source] = [take(), take()];
  frame(source[0] === 33 ? Buffer.alloc(0) : Buffer.from(path + '|' + source));
}
`;

let place: string;
let context: Context;
let sandbox: Sandbox;
let started: number;
let inputs: BytecodeInputs;
const tars = new Map<Sha256, string>();

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-derive-'));
  writeFileSync(join(place, 'interpreter.cjs'), INTERPRETER);
  context = {
    host: silentHost,
    store: await openStore(join(place, 'store')),
    http: undefined as never,
    env: {},
    signal: new AbortController().signal,
    concurrency: 2,
    now: () => new Date(0),
  };
  started = 0;
  sandbox = {
    kind: 'bubblewrap',
    start: async () => {
      started++;
      const child = spawn(process.execPath, [join(place, 'interpreter.cjs')]);
      const exited = once(child, 'exit').then(([code]) => code as number);
      return {
        pid: 0,
        stdin: child.stdin,
        stdout: child.stdout,
        stderr: child.stderr,
        exited,
        kill: () => child.kill(),
      };
    },
  };
  inputs = { sandbox, debData: async (hash) => tars.get(hash) ?? '' };
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

async function deb(name: string, files: Readonly<Record<string, string>>): Promise<DebInput> {
  const packer = pack();
  for (const [path, body] of Object.entries(files)) packer.entry({ name: `./${path}`, mode: 0o644 }, body);
  packer.finalize();
  const data = await buffer(packer);
  const file = join(place, `${name}.tar`);
  writeFileSync(file, data);
  tars.set(sha256(data), file);
  return { name, version: '1', architecture: 'amd64', sha256: sha256(data) };
}

const scheme = {
  purelib: 'p',
  platlib: 'p',
  scripts: 's',
  headers: 'h',
  data: 'd',
  interpreter: '/usr/bin/python3.11',
};

const recipe = (debs: readonly DebInput[], rootDebs: readonly DebInput[] = []): BytecodeRecipe => ({
  kind: 'bytecode',
  assembler: 1,
  interpreter: '/usr/bin/python3.11',
  rootDebs,
  scheme,
  wheels: [],
  debs,
  serverScheme: scheme,
  serverWheels: [],
});

const show = (entries: readonly LayerEntry[]) =>
  entries.map((entry) => {
    if (entry.type !== 'file' || entry.content.kind !== 'slice') return `${entry.type} ${entry.path}`;
    const { file, offset, length } = entry.content;
    return `${entry.path}: ${readFileSync(file)
      .subarray(offset, offset + length)
      .toString('utf8')}`;
  });

test('modules of the locked interpreter get bytecode beside them, below sorted directories', async () => {
  const library = await deb('library', {
    'usr/lib/python3.11/b/c.py': 'two',
    'usr/lib/python3.11/a.py': 'one',
    'usr/lib/python3/dist-packages/d.py': 'three',
    'usr/lib/python3.11/template.py': '! no Python',
    'usr/lib/python3.9/other.py': 'of another version',
    'usr/share/doc/example.py': 'no module',
    'usr/lib/python3.11/data.txt': 'no module',
  });
  expect(show(await deriveBytecode(context, recipe([library]), inputs))).toEqual([
    'directory usr',
    'directory usr/lib',
    'directory usr/lib/python3',
    'directory usr/lib/python3.11',
    'directory usr/lib/python3.11/__pycache__',
    'usr/lib/python3.11/__pycache__/a.cpython-311.pyc: /usr/lib/python3.11/a.py|one',
    'directory usr/lib/python3.11/b',
    'directory usr/lib/python3.11/b/__pycache__',
    'usr/lib/python3.11/b/__pycache__/c.cpython-311.pyc: /usr/lib/python3.11/b/c.py|two',
    'directory usr/lib/python3/dist-packages',
    'directory usr/lib/python3/dist-packages/__pycache__',
    'usr/lib/python3/dist-packages/__pycache__/d.cpython-311.pyc: /usr/lib/python3/dist-packages/d.py|three',
  ]);
});

test('a package is compiled once for an interpreter, in a process of its own, and again for another interpreter', async () => {
  const [one, two] = [
    await deb('one', { 'usr/lib/python3.11/one.py': '1' }),
    await deb('two', { 'usr/lib/python3.11/two.py': '2' }),
  ];
  const interpreter = await deb('interpreter', { 'usr/bin/python3.11': 'ELF' });
  await deriveBytecode(context, recipe([one, two], [interpreter]), inputs);
  expect(started).toBe(2);
  await deriveBytecode(context, recipe([two], [interpreter]), inputs);
  expect(started).toBe(2);
  await deriveBytecode(context, recipe([two], [one]), inputs);
  expect(started).toBe(3);
});

test('a package without modules needs no interpreter', async () => {
  const empty = await deb('empty', { 'usr/bin/tool': 'x' });
  expect(await deriveBytecode(context, recipe([empty]), inputs)).toEqual([]);
  expect(started).toBe(0);
});

test('fresh derivations trust nothing that the store holds', async () => {
  const one = await deb('one', { 'usr/lib/python3.11/one.py': '1' });
  const kept = await deriveBytecode(context, recipe([one]), inputs);
  const derive = freshDerivations(join(place, 'fresh'));
  const fresh = await deriveBytecode(context, recipe([one]), { ...inputs, derive });
  expect(started).toBe(2);
  expect(show(fresh)).toEqual(show(kept));
});

test('an interpreter that fails leaves nothing behind that a later run would trust', async () => {
  const one = await deb('one', { 'usr/lib/python3.11/one.py': '1' });
  writeFileSync(join(place, 'interpreter.cjs'), 'process.exit(1)');
  await expect(deriveBytecode(context, recipe([one]), inputs)).rejects.toMatchObject({
    code: 'COGPLAN_BYTECODE_FAILED',
  });
  writeFileSync(join(place, 'interpreter.cjs'), INTERPRETER);
  expect(show(await deriveBytecode(context, recipe([one]), inputs)).at(-1)).toContain('one.py|1');
});

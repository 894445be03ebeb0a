import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bundleProgram } from '../../test/programs/bundle-program.ts';
import { openCodeCache } from './code-cache.ts';

const FILES = {
  'main.cjs': `
const value = require('./value.cjs');
const { join } = require('node:path');
exports.main = true;
console.log(value.text(), join('a', 'b'), __dirname === process.env.PROGRAM, require('./value.cjs') === value);
if (process.argv.includes('more')) Promise.resolve().then(() => require('./more.cjs').run());
if (process.argv.includes('throw')) value.fail();
`,
  'value.cjs': `exports.text = () => 'value';\nexports.fail = () => { throw new Error('on purpose'); };\n`,
  'other.js': 'export const answer = 42;\n',
  'more.cjs': `exports.run = async () => console.log('more', (await importModule('./other.js')).answer);\n`,
} as const;

let directory: string;
let loader: string;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-program-'));
  mkdirSync(join(directory, 'program'));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(directory, 'program', name), text);
  loader = await bundleProgram(fileURLToPath(new URL('./load-program.ts', import.meta.url)));
  writeFileSync(
    join(directory, 'start.mjs'),
    `import { loadProgram } from ${JSON.stringify(loader)};
loadProgram({ directory: process.env.PROGRAM, entry: 'main.cjs', id: process.env.ID ?? 'id' });`,
  );
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function start(words: readonly string[] = [], env: Record<string, string> = {}): string {
  return execFileSync(process.execPath, [join(directory, 'start.mjs'), ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PROGRAM: join(directory, 'program'), COGPLAN_STORE: join(directory, 'store'), ...env },
  });
}

function caches() {
  const place = join(directory, 'store/derived/compiled-code');
  return readdirSync(place).map((file) => {
    const { names, code, runs } = openCodeCache(join(place, file), process.getuid?.());
    return { names, code: names.map((name) => code(name)?.toString('hex')), runs };
  });
}

it('runs its files, each once, as Node runs CommonJS', () => {
  expect(start()).toBe('value a/b true true\n');
  expect(start(['more'])).toBe('value a/b true true\nmore 42\n');
});

it('makes no store, and keeps what was compiled in one that is there', () => {
  start();
  expect(readdirSync(directory)).not.toContain('store');
  mkdirSync(join(directory, 'store/derived'), { recursive: true });
  start();
  const [first, ...others] = caches();
  expect(others).toEqual([]);
  expect([...(first?.names ?? [])].sort()).toEqual(['main.cjs', 'value.cjs']);
  expect(first?.runs.length).toBe(1);
});

it('gathers anew what a run loads besides, and nothing twice', () => {
  mkdirSync(join(directory, 'store/derived'), { recursive: true });
  start();
  const before = caches();
  expect(start()).toBe('value a/b true true\n');
  expect(caches()).toEqual(before);
  expect(start(['more'])).toBe('value a/b true true\nmore 42\n');
  const [after] = caches();
  expect([...(after?.names ?? [])].sort()).toEqual(['main.cjs', 'more.cjs', 'value.cjs']);
  expect(after?.runs.length).toBe(2);
  expect(start(['more'])).toBe('value a/b true true\nmore 42\n');
  expect(caches()).toEqual([after]);
});

it('takes no code of another build of the program, or of Node with other options', () => {
  mkdirSync(join(directory, 'store/derived'), { recursive: true });
  start();
  start([], { ID: 'another' });
  start([], { NODE_OPTIONS: '--max-old-space-size=512' });
  expect(caches().length).toBe(3);
});

it('tells where an error was thrown', () => {
  mkdirSync(join(directory, 'store/derived'), { recursive: true });
  for (let round = 0; round < 2; round++) {
    expect(() => start(['throw'])).toThrow(/program\/value\.cjs:2:30[\s\S]*program\/main\.cjs:7:/);
  }
});

it('runs where the store is damaged, and mends it', () => {
  const place = join(directory, 'store/derived/compiled-code');
  mkdirSync(join(directory, 'store/derived'), { recursive: true });
  start();
  const [name = ''] = readdirSync(place);
  const whole = readFileSync(join(place, name));
  const damaged = Buffer.from(whole);
  damaged[whole.length - 1] = (damaged[whole.length - 1] ?? 0) ^ 1;
  for (const bytes of [Buffer.from('no cache'), damaged]) {
    writeFileSync(join(place, name), bytes);
    expect(start()).toBe('value a/b true true\n');
    const [mended] = caches();
    expect(mended?.runs.length).toBe(1);
    expect(mended?.code.length).toBe(2);
    expect(mended?.code).not.toContain(undefined);
  }
});

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { compileModules, type ModuleSource } from './bytecode-compiler.ts';

let place: string;
let count = 0;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-bytecode-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

/** Runs the command as it is, in place of the interpreter if `instead` names another. */
function onHost(instead?: readonly [string, ...string[]]): Sandbox {
  return {
    kind: 'bubblewrap',
    start: async ({ argv, env }) => {
      const [file, ...rest] = instead ?? argv;
      const child = spawn(file, rest, { env, cwd: '/' });
      const exited = once(child, 'exit').then(([code]) => (code as number | null) ?? 137);
      return {
        pid: 0,
        stdin: child.stdin,
        stdout: child.stdout,
        stderr: child.stderr,
        exited,
        kill: (signal) => child.kill(signal),
      };
    },
  };
}

const source = (path: string, text: string): ModuleSource => ({ path, read: () => Buffer.from(text) });

async function compile(sandbox: Sandbox, sources: readonly ModuleSource[], interpreter = 'python3') {
  const target = join(place, `pyc-${count++}`);
  const request = {
    sandbox,
    root: '/',
    interpreter,
    what: 'a package',
    sources,
    target,
    signal: new AbortController().signal,
  };
  const { tag, slices } = await compileModules(request);
  const bytes = readFileSync(target);
  return { tag, pycs: slices.map((slice) => slice && bytes.subarray(slice.offset, slice.offset + slice.length)) };
}

const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();

describe('with a real interpreter', () => {
  const good = source('/usr/lib/m.py', 'x = 1\ndef f(a):\n    return a in {"p", "q", None}\n');
  const sources = [good, source('/usr/lib/template.py', 'print "python 2"\n'), source('/usr/lib/nul.py', 'a\0b'), good];

  test('modules become .pyc files that hold no time, and what does not compile gets none', async () => {
    const { tag, pycs } = await compile(onHost(), sources, python);
    expect(tag).toMatch(/^cpython-3\d+$/);
    expect(pycs.map((pyc) => pyc !== undefined)).toEqual([true, false, false, true]);
    // PEP 552: flags 0b01 mean a hash of the source that is not checked.
    expect(pycs[0]?.readUInt32LE(4)).toBe(1);
    expect(pycs[0]?.includes('/usr/lib/m.py')).toBe(true);
  });

  test('the same modules in the same order give the same bytes', async () => {
    const [first, second] = [await compile(onHost(), sources, python), await compile(onHost(), sources, python)];
    expect(second.pycs).toEqual(first.pycs);
  });

  test('modules in other encodings and with other letters in names compile', async () => {
    const latin = { path: '/l.py', read: () => Buffer.from('# coding: latin-1\ns = "\xe4"\n', 'latin1') };
    const { pycs } = await compile(onHost(), [latin, source('/u.py', 'größe = 1\n'), source('/e.py', '')], python);
    expect(pycs.every((pyc) => pyc !== undefined)).toBe(true);
  });

  test('many large modules pass without waiting for each other', async () => {
    const large = Array.from({ length: 40 }, (_, index) =>
      source(`/m${index}.py`, `x = """${'y'.repeat(300_000)}"""\n`),
    );
    expect((await compile(onHost(), large, python)).pycs.filter(Boolean)).toHaveLength(40);
  });
});

describe('an interpreter that misbehaves', () => {
  const frame = (text: string) => `${JSON.stringify(`${String.fromCharCode(0, 0, 0, text.length)}${text}`)}`;
  test.each([
    ['ends at once', 'process.exit(3)', 'code 3'],
    ['says why', 'console.error("no stdlib"); process.exit(1)', 'no stdlib'],
    ['ends early', `process.stdout.write(${frame('cpython-311')})`, 'code 0'],
    ['ends within a result', 'process.stdout.write("\\0\\0\\0\\u0010x")', 'compiled'],
    ['has a strange tag', `process.stdout.write(${frame('../../x')} + "\\0\\0\\0\\0")`, 'compiled'],
    [
      'says more than it was asked',
      `process.stdout.write(${frame('cpython-311')} + "\\0\\0\\0\\0\\0\\0\\0\\0")`,
      'compiled',
    ],
    [
      'promises a huge result',
      'process.stdout.write(Buffer.from([255, 255, 255, 255, 1])); setInterval(() => {}, 1000)',
      'compiled',
    ],
  ])('%s', async (_, script, message) => {
    const file = join(place, 'interpreter.cjs');
    writeFileSync(file, script);
    await expect(compile(onHost([process.execPath, file]), [source('/m.py', 'x')])).rejects.toMatchObject({
      code: 'COGPLAN_BYTECODE_FAILED',
      subject: 'a package',
      message: expect.stringContaining(message),
    });
  });
});

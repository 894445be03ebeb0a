import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aWheelFile, type WheelParts } from '../../../test/builders/wheel.ts';
import { aZip } from '../../../test/builders/zip.ts';
import { sha256 } from '../../digest.ts';
import type { BlobWriter } from '../../store/store.ts';
import type { InstallScheme } from '../recipe.ts';
import { checkEntries } from './check-entries.ts';
import { ContentReader } from './content-reader.ts';
import type { FileEntry, LayerEntry } from './entry.ts';
import { buildWheelsLayer } from './wheels.ts';
import { readWheelFile, unpackWheel } from './wheels-unpack.ts';

const LIBRARY = 'usr/local/lib/python3.11/dist-packages';
const SCHEME: InstallScheme = {
  purelib: LIBRARY,
  platlib: LIBRARY,
  scripts: 'usr/local/bin',
  headers: 'usr/local/include/python3.11',
  data: 'usr/local',
  interpreter: '/usr/bin/python3.11',
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-wheels-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Built {
  readonly entries: readonly LayerEntry[];
  readonly warnings: readonly string[];
  /** Mode and text of the file at a path. */
  file(path: string): { readonly mode: string; readonly text: string } | undefined;
}

async function build(wheels: readonly WheelParts[], scheme: Partial<InstallScheme> = {}): Promise<Built> {
  const inputs = wheels.map((parts) => {
    const { filename, bytes } = aWheelFile(parts);
    writeFileSync(join(directory, sha256(bytes)), bytes);
    return { filename, sha256: sha256(bytes) };
  });
  const warnings: string[] = [];
  const entries = await buildWheelsLayer(
    { kind: 'wheels', assembler: 1, scheme: { ...SCHEME, ...scheme }, wheels: inputs },
    {
      blob: async (hash) => join(directory, hash),
      debData: () => Promise.reject(new Error('no .deb')),
      scratch: directory,
      warn: (code, text) => warnings.push(`${code} ${text}`),
    },
  );
  checkEntries(entries);
  const files = new Map(
    entries.filter((entry): entry is FileEntry => entry.type === 'file').map((entry) => [entry.path, entry]),
  );
  return {
    entries,
    warnings,
    file: (path) => {
      const entry = files.get(path);
      return entry === undefined ? undefined : { mode: entry.mode.toString(8), text: readWheelFile(entry).toString() };
    },
  };
}

describe('one wheel', () => {
  test('is laid out by the binary distribution format', async () => {
    const { entries, file } = await build([
      {
        files: {
          'demo/__init__.py': 'x = 1\n',
          'demo/tool.sh': { content: '#!/bin/sh\n', mode: 0o100700 },
          'demo/data.bin': { content: Buffer.alloc(5000, 7), mode: 0o100666 },
          'demo/empty/': { mode: 0o40755 },
          'demo-1.0.data/purelib/pure.py': 'p',
          'demo-1.0.data/platlib/plat.py': 'q',
          'demo-1.0.data/scripts/run': { content: '#!python -s\nprint()\n', mode: 0o100644 },
          'demo-1.0.data/scripts/raw': '#!/bin/sh\necho\n',
          'demo-1.0.data/headers/demo.h': 'h',
          'demo-1.0.data/data/share/man/demo.1': 'm',
          'other.data/x': 'an ordinary directory',
        },
        entryPoints: '[console_scripts]\ndemo = demo.cli:Main.run [extra]\n',
      },
    ]);
    expect(entries.filter((entry) => entry.type === 'file').map((entry) => entry.path)).toEqual([
      'usr/local/bin/demo',
      'usr/local/bin/raw',
      'usr/local/bin/run',
      'usr/local/include/python3.11/demo/demo.h',
      `${LIBRARY}/demo-1.0.dist-info/INSTALLER`,
      `${LIBRARY}/demo-1.0.dist-info/METADATA`,
      `${LIBRARY}/demo-1.0.dist-info/RECORD`,
      `${LIBRARY}/demo-1.0.dist-info/WHEEL`,
      `${LIBRARY}/demo-1.0.dist-info/entry_points.txt`,
      `${LIBRARY}/demo/__init__.py`,
      `${LIBRARY}/demo/data.bin`,
      `${LIBRARY}/demo/tool.sh`,
      `${LIBRARY}/other.data/x`,
      `${LIBRARY}/plat.py`,
      `${LIBRARY}/pure.py`,
      'usr/local/share/man/demo.1',
    ]);
    expect(entries.filter((entry) => entry.type === 'directory').every((entry) => entry.mode === 0o755)).toBe(true);
    expect(file('usr/local/bin/run')).toEqual({ mode: '755', text: '#!/usr/bin/python3.11\nprint()\n' });
    expect(file('usr/local/bin/raw')).toEqual({ mode: '755', text: '#!/bin/sh\necho\n' });
    expect(file(`${LIBRARY}/demo/tool.sh`)?.mode).toBe('755');
    expect(file(`${LIBRARY}/demo/data.bin`)?.mode).toBe('644');
    expect(file('usr/local/bin/demo')).toEqual({
      mode: '755',
      text: '#!/usr/bin/python3.11\nimport sys\n\nfrom demo.cli import Main\n\nif __name__ == "__main__":\n    sys.exit(Main.run())\n',
    });
    expect(file(`${LIBRARY}/demo-1.0.dist-info/INSTALLER`)?.text).toBe('cogplan\n');
  });

  describe('whose RECORD lies is refused', () => {
    const sha = (text: string) => `sha256=${createHash('sha256').update(text).digest('base64url')}`;
    const lying = (rows: readonly string[], files: Readonly<Record<string, string>> = { 'demo.py': 'x = 1\n' }) => {
      const info = 'demo-1.0.dist-info';
      const members = {
        ...files,
        [`${info}/METADATA`]: 'Name: demo\nVersion: 1.0\n',
        [`${info}/WHEEL`]: 'Wheel-Version: 1.0\n',
      };
      const honest = Object.entries(members)
        .slice(1)
        .map(([path, text]) => `${path},${sha(text)},${text.length}`);
      const record = [...rows, ...honest, `${info}/RECORD,,`, ''].join('\n');
      const bytes = aZip(
        [...Object.entries(members), [`${info}/RECORD`, record] as const].map(([name, content]) => ({ name, content })),
      );
      const path = join(directory, 'lying.whl');
      writeFileSync(path, bytes);
      return unpackWheel(path, 'demo-1.0-py3-none-any.whl', SCHEME);
    };
    const read = async (files: readonly FileEntry[]): Promise<void> => {
      const reader = new ContentReader();
      const out = { write: async () => {} } as unknown as BlobWriter;
      for (const file of files) await reader.copy(file, out).finally(() => reader.close());
    };
    const TRUE = `demo.py,${sha('x = 1\n')},6`;

    test('the truth is taken', async () => {
      await read(lying([TRUE]));
      await read(lying([`demo.py,sha512=${createHash('sha512').update('x = 1\n').digest('base64url')},6`]));
      await read(lying(['demo.py,,']));
      await read(lying(['demo.py,md5=abc,6']));
    });

    test.each([
      ['another size', [`demo.py,${sha('x = 1\n')},7`], 'demo.py is not what its RECORD says'],
      ['a file that is not there', [TRUE, `gone.py,${sha('')},0`], 'its RECORD names gone.py, which it does not hold'],
      ['a file that it does not name', [], 'its RECORD does not name demo.py'],
      [
        'a path outside',
        [TRUE, `../../etc/passwd,${sha('')},0`],
        'its RECORD names ../../etc/passwd, which lies outside of it',
      ],
      [
        'an absolute path',
        [TRUE, `/etc/passwd,${sha('')},0`],
        'its RECORD names /etc/passwd, which lies outside of it',
      ],
      ['something else', ['"demo.py'], 'its RECORD is malformed'],
    ])('%s', (_, rows, reason) => {
      expect(() => lying(rows)).toThrow(
        expect.objectContaining({
          code: 'COGPLAN_WHEEL_INVALID',
          subject: 'demo-1.0-py3-none-any.whl',
          message: `demo-1.0-py3-none-any.whl cannot be installed: ${reason}`,
          hint: expect.stringContaining('--no-binary'),
        }),
      );
    });

    test.each([
      ['a small file', 'x = 1\n'],
      ['a large file', 'x'.repeat(3_000_000)],
      ['a stored file', 'x'],
    ])('another hash of %s', async (_, text) => {
      const files = lying([`demo.py,${sha('other')},${text.length}`], { 'demo.py': text });
      await expect(read(files)).rejects.toMatchObject({
        code: 'COGPLAN_WHEEL_INVALID',
        subject: 'demo-1.0-py3-none-any.whl',
        hint: expect.stringContaining('--no-binary'),
      });
    });

    test('another hash of a script', () => {
      const path = 'demo-1.0.data/scripts/run';
      expect(() => lying([`${path},${sha('other')},8`], { [path]: '#!python' })).toThrow('is not what its RECORD says');
    });
  });

  test('gets a RECORD that names every file, sorted, with true hashes and sizes', async () => {
    const { entries, file } = await build([
      {
        files: { 'b.py': 'b', 'a,b.py': 'c', 'demo-1.0.data/scripts/s': '#!python\n' },
        entryPoints: '[console_scripts]\nx = m:f\n',
      },
    ]);
    const rows = file(`${LIBRARY}/demo-1.0.dist-info/RECORD`)!.text.split('\n');
    expect(rows.map((row) => row.replace(/,sha256=.*/, ''))).toEqual([
      '../../../bin/s',
      '../../../bin/x',
      '"a,b.py"',
      'b.py',
      'demo-1.0.dist-info/INSTALLER',
      'demo-1.0.dist-info/METADATA',
      'demo-1.0.dist-info/RECORD,,',
      'demo-1.0.dist-info/WHEEL',
      'demo-1.0.dist-info/entry_points.txt',
      '',
    ]);
    expect(rows.length - 1).toBe(entries.filter((entry) => entry.type === 'file').length);
    for (const row of rows.filter((line) => line.includes('sha256='))) {
      const [, path = '', hash, size] = /^"?(.*?)"?,sha256=(.*),(\d+)$/.exec(row) ?? [];
      const text = file(path.startsWith('../../../') ? `usr/local/${path.slice(9)}` : `${LIBRARY}/${path}`)!.text;
      expect([path, hash, Number(size)]).toEqual([
        path,
        createHash('sha256').update(text).digest('base64url'),
        text.length,
      ]);
    }
  });

  test('goes to platlib when its root is not pure', async () => {
    const { file } = await build([{ isPurelib: false, files: { 'a.so': 's', 'demo-1.0.data/purelib/p.py': 'p' } }], {
      purelib: 'pure',
      platlib: 'plat',
    });
    expect([file('plat/a.so')?.text, file('pure/p.py')?.text]).toEqual(['s', 'p']);
    expect(file('plat/demo-1.0.dist-info/RECORD')?.text).toMatch(/^\.\.\/pure\/p\.py,sha256=/);
  });

  test('prefers the launcher of an entry point over a script of that name', async () => {
    const { file } = await build([
      { files: { 'demo-1.0.data/scripts/demo': '#!python\nold\n' }, entryPoints: '[console_scripts]\ndemo = m:f\n' },
    ]);
    expect(file('usr/local/bin/demo')?.text).toContain('from m import f');
  });

  test.each<[string, WheelParts, RegExp]>([
    ['no metadata directory for it', { files: { 'x-1.0.dist-info/METADATA': 'x' } }, /2 \.dist-info/],
    ['another format version', { wheelVersion: '2.0' }, /version 2\.0/],
    ['an unknown installation directory', { files: { 'demo-1.0.data/etc/passwd': 'x' } }, /no installation directory/],
    ['two files at one place', { files: { 'a.py': 'x', 'demo-1.0.data/purelib/a.py': 'y' } }, /two of its files/],
    ['a command outside bin', { entryPoints: '[console_scripts]\n../../../etc/x = m:f\n' }, /malformed/],
    ['a file that is a directory too', { files: { a: 'x', 'a/b': 'y' } }, /file in .* and a directory in/],
  ])('is refused with %s', async (_, parts, reason) => {
    await expect(build([parts])).rejects.toThrowError(
      expect.objectContaining({
        code: expect.stringMatching(/^COGPLAN_WHEEL_(INVALID|CONFLICT)$/),
        message: expect.stringMatching(reason),
      }),
    );
  });
});

describe('several wheels', () => {
  test('may bring the same file', async () => {
    const shared = { 'ns/__init__.py': '', 'ns/license': 'text '.repeat(30) };
    const { warnings, file } = await build([
      { name: 'b', files: { ...shared, 'ns/b.py': 'b' } },
      { name: 'a', files: { ...shared, 'ns/a.py': 'a' } },
    ]);
    expect(warnings).toEqual([]);
    expect([file(`${LIBRARY}/ns/a.py`)?.text, file(`${LIBRARY}/ns/b.py`)?.text]).toEqual(['a', 'b']);
  });

  test('that differ at a path: the greater file name wins, whatever the order, and both are named', async () => {
    const a: WheelParts = { name: 'a', files: { 'cv2/x.py': 'from a', 'cv2/b.py': 'same size a', 'own.py': '1' } };
    const b: WheelParts = { name: 'b', files: { 'cv2/x.py': 'from b!', 'cv2/b.py': 'same size b' } };
    for (const wheels of [
      [a, b],
      [b, a],
    ]) {
      const { warnings, file } = await build(wheels);
      expect(file(`${LIBRARY}/cv2/x.py`)?.text).toBe('from b!');
      expect(warnings).toEqual([
        `COGPLAN_WHEEL_CLASH b-1.0-py3-none-any.whl and a-1.0-py3-none-any.whl both bring ${LIBRARY}/cv2/b.py and 1 more; that of b-1.0-py3-none-any.whl is kept`,
      ]);
    }
  });

  test.each<[string, readonly WheelParts[]]>([
    [
      'a file against a directory',
      [
        { name: 'a', files: { x: '1' } },
        { name: 'b', files: { 'x/y': '2' } },
      ],
    ],
    ['two versions of one distribution', [{ version: '1.0' }, { version: '2.0' }]],
  ])('are refused for %s', async (_, wheels) => {
    await expect(build(wheels)).rejects.toMatchObject({ code: 'COGPLAN_WHEEL_CONFLICT' });
  });
});

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { aWheelFile, type WheelParts } from '../../../test/builders/wheel.ts';
import { aZip } from '../../../test/builders/zip.ts';
import type { WheelInput } from '../recipe.ts';
import { openUnpackedWheels } from './unpacked-wheels.ts';

let context: TestContext;
let count = 0;
beforeAll(async () => {
  context = await aContext();
});
afterAll(() => context.dispose());

const SCHEME = {
  purelib: 'lib',
  platlib: 'lib',
  scripts: 'tools/bin',
  headers: 'tools/include',
  data: 'tools',
  interpreter: '/usr/bin/python3.11',
};

async function aWheel(parts: WheelParts): Promise<WheelInput> {
  const { filename, bytes } = aWheelFile(parts);
  const { sha256 } = await context.store.put(bytes);
  return { filename, sha256 };
}

const newDirectory = (): string => join(context.store.root, `installed-${count++}`);
const roomTaken = (): readonly string[] =>
  readdirSync(join(context.store.root, 'tmp'), { recursive: true })
    .map(String)
    .filter((name) => /(?:^|\/)wheels-[^/]*$/.test(name));

describe('unpacked wheels', () => {
  it('are laid out as in a layer, and share their bytes between directories', async () => {
    const unpacked = openUnpackedWheels(context);
    const demo = await aWheel({
      files: { 'demo/a.py': 'a = 1\n', 'demo/tool': { content: '#!/bin/sh\n', mode: 0o100755 } },
      entryPoints: '[console_scripts]\ndemo = demo:run\n',
    });
    const other = await aWheel({ name: 'other', files: { 'other.py': 'b = 1\n' } });
    const first = newDirectory();
    const second = newDirectory();
    await unpacked.install(context, { scheme: SCHEME, wheels: [demo], directory: first });
    await unpacked.install(context, { scheme: SCHEME, wheels: [other, demo], directory: second });
    expect(readFileSync(join(second, 'lib/other.py'), 'utf8')).toBe('b = 1\n');
    expect(existsSync(join(first, 'lib/other.py'))).toBe(false);
    expect(readFileSync(join(second, 'tools/bin/demo'), 'utf8')).toMatch(/^#!\/usr\/bin\/python3\.11\n/);
    const mode = (path: string): string => (statSync(join(second, path)).mode & 0o7777).toString(8);
    expect(['lib', 'lib/demo', 'lib/demo/a.py', 'lib/demo/tool', 'tools/bin/demo'].map(mode)).toEqual([
      '755',
      '755',
      '644',
      '755',
      '755',
    ]);
    expect(statSync(join(first, 'lib/demo/a.py')).ino).toBe(statSync(join(second, 'lib/demo/a.py')).ino);

    expect(roomTaken()).toHaveLength(1);
    await unpacked.close();
    expect(roomTaken()).toEqual([]);
    expect(readFileSync(join(first, 'lib/demo/a.py'), 'utf8')).toBe('a = 1\n');
  });

  it('show the file of the wheel whose name is greater where two bring one, and say so', async () => {
    const unpacked = openUnpackedWheels(context);
    const a = await aWheel({ name: 'aaa', files: { 'shared/x.py': 'of a\n', 'shared/only_a.py': '' } });
    const b = await aWheel({ name: 'bbb', files: { 'shared/x.py': 'of b\n' } });
    const directory = newDirectory();
    await unpacked.install(context, { scheme: SCHEME, wheels: [b, a], directory });
    await unpacked.close();
    expect(readFileSync(join(directory, 'lib/shared/x.py'), 'utf8')).toBe('of b\n');
    expect(existsSync(join(directory, 'lib/shared/only_a.py'))).toBe(true);
    expect(context.warnings()).toContain('COGPLAN_WHEEL_CLASH');
  });

  it('leave nothing of a wheel that is not what its RECORD says', async () => {
    const unpacked = openUnpackedWheels(context);
    const info = 'demo-1.0.dist-info';
    const bytes = aZip([
      { name: 'demo/a.py', content: 'a = 1\n' },
      { name: 'demo/b.py', content: 'b = 1\n' },
      { name: `${info}/METADATA`, content: 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n' },
      { name: `${info}/WHEEL`, content: 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\n' },
      {
        name: `${info}/RECORD`,
        content: `demo/a.py,,\ndemo/b.py,sha256=${'A'.repeat(43)},6\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`,
      },
    ]);
    const { sha256 } = await context.store.put(bytes);
    const wheels = [{ filename: 'demo-1.0-py3-none-any.whl', sha256 }];
    const directory = newDirectory();
    await expect(unpacked.install(context, { scheme: SCHEME, wheels, directory })).rejects.toMatchObject({
      code: 'COGPLAN_WHEEL_INVALID',
    });
    expect(existsSync(directory)).toBe(false);
    const [room = ''] = roomTaken();
    expect(readdirSync(join(context.store.root, 'tmp', room))).toEqual([]);
    await unpacked.close();
    expect(roomTaken()).toEqual([]);
  });

  it('take no room that nothing asks for, and none after they were closed', async () => {
    const unpacked = openUnpackedWheels(context);
    expect(roomTaken()).toEqual([]);
    await unpacked.close();
    const request = { scheme: SCHEME, wheels: [await aWheel({})], directory: newDirectory() };
    await expect(unpacked.install(context, request)).rejects.toThrow(/closed/);
    expect(roomTaken()).toEqual([]);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { aWheelFile, type WheelParts } from '../../test/builders/wheel.ts';
import type { Context } from '../context.ts';
import type { EngineEvent } from '../events.ts';
import { openStore } from '../store/open-store.ts';
import { checkClashes } from './check-clashes.ts';
import type { PlannedLayer } from './plan-layers.ts';

let directory: string;
let context: Context;
let events: EngineEvent[];
const scheme = { purelib: 'p', platlib: 'p', scripts: 's', headers: 'h', data: 'd', interpreter: '/usr/bin/python3' };

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-clashes-'));
  const store = await openStore(join(directory, 'store'));
  const host = { notify: (event: EngineEvent) => void events.push(event), ask: async () => '' };
  context = { host, store } as unknown as Context;
});
beforeEach(() => {
  events = [];
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function layer(name: string, ...wheels: WheelParts[]): Promise<PlannedLayer> {
  const inputs = [];
  for (const parts of wheels) {
    const { filename, bytes } = aWheelFile(parts);
    inputs.push({ filename, sha256: (await context.store.put(bytes)).sha256 });
  }
  return { layer: name, family: 'python', recipe: { kind: 'wheels', assembler: 1, scheme, wheels: inputs } };
}

it('names both wheels, the first path and how many follow, and the one that is seen', async () => {
  await checkClashes(context, [
    await layer('lower', { name: 'zz', files: { 'cv2/__init__.py': 'one', 'cv2/a.py': 'one', 'own.py': '' } }),
    await layer('upper', { name: 'aa', files: { 'cv2/__init__.py': 'two', 'cv2/a.py': 'two' } }),
  ]);
  expect(events).toMatchObject([
    {
      code: 'COGPLAN_WHEEL_CLASH',
      text: 'aa-1.0-py3-none-any.whl and zz-1.0-py3-none-any.whl both bring p/cv2/__init__.py and 1 more; that of aa-1.0-py3-none-any.whl is kept',
    },
  ]);
});

it('says nothing of equal files, and leaves one layer to its builder', async () => {
  await checkClashes(context, [
    await layer('lower', { name: 'one', files: { 'nvidia/__init__.py': '' } }),
    await layer('upper', { name: 'two', files: { 'nvidia/__init__.py': '' } }),
    await layer('same', { name: 'x', files: { 'x.py': '1' } }, { name: 'y', files: { 'x.py': '2' } }),
  ]);
  expect(events).toEqual([]);
});

it('refuses a file against a directory', async () => {
  const layers = [
    await layer('lower', { name: 'one', files: { 'google/protobuf.py': '' } }),
    await layer('upper', { name: 'two', files: { google: 'a file' } }),
  ];
  await expect(checkClashes(context, layers)).rejects.toMatchObject({
    code: 'COGPLAN_WHEEL_CONFLICT',
    subject: 'p/google',
  });
});

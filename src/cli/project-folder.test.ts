import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { defaultImagePath, hideProjectFolder } from './project-folder.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-folder-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

it('git does not see what is built', async () => {
  await hideProjectFolder(place);
  await hideProjectFolder(place);
  mkdirSync(defaultImagePath(place));
  writeFileSync(join(defaultImagePath(place), 'index.json'), '{}');
  execFileSync('git', ['init', '-q', place]);
  expect(execFileSync('git', ['-C', place, 'status', '--porcelain', '-uall'], { encoding: 'utf8' })).toBe('');
});

it('a place that cannot be written is left to the writer of the image', async () => {
  writeFileSync(dirname(defaultImagePath(place)), '');
  await expect(hideProjectFolder(place)).resolves.toBeUndefined();
});

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aLock } from '../../test/builders/lock.ts';
import { formatLock } from '../lock/write-lock.ts';
import { LOCK_FILE, readLockFile, writeLockFile } from './project-lock.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-lock-file-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

describe('the lock file', () => {
  it('is written once, and left alone when it says so already', async () => {
    expect(await readLockFile(place)).toBeUndefined();
    expect(await writeLockFile(place, aLock())).toBe(true);
    expect(await writeLockFile(place, aLock())).toBe(false);
    expect(readdirSync(place)).toEqual([LOCK_FILE]);
    expect(await readLockFile(place)).toEqual(aLock());
  });

  it('stays a link, and what it leads to is written, even where nothing was', async () => {
    const project = join(place, 'project');
    mkdirSync(project);
    symlinkSync('../shared.lock', join(project, LOCK_FILE));
    for (const asOf of [null, '2026-01-01T00:00:00Z']) {
      const lock = { ...aLock(), asOf };
      expect(await writeLockFile(project, lock)).toBe(true);
      expect(readlinkSync(join(project, LOCK_FILE))).toBe('../shared.lock');
      expect(readFileSync(join(place, 'shared.lock'), 'utf8')).toBe(formatLock(lock));
    }
  });

  it('is named when a directory stands in its place', async () => {
    mkdirSync(join(place, LOCK_FILE));
    await expect(readLockFile(place)).rejects.toMatchObject({ code: 'COGPLAN_FILE_SYSTEM', subject: LOCK_FILE });
  });
});

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { formatLock } from '../../src/lock/write-lock.ts';
import { cogplan, copyExample, inDirectory, readLock } from './cogplan.ts';

it('a lock that a merge left in conflict is resolved again from both sides', async () => {
  await inDirectory(async (directory) => {
    const project = copyExample('hello-world', directory);
    const lockFile = join(project, 'cogplan.lock');
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@test', ...args], { cwd: project, stdio: 'pipe' });
    const hold = (name: string) => {
      const lock = readLock(project);
      const holds = [{ subject: `python/${name}`, reason: `${name} stays`, since: '2026-11-01' }];
      writeFileSync(lockFile, formatLock({ ...lock, holds }));
    };
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-q', '-m', 'first');
    git('switch', '-q', '-c', 'topic');
    hold('six');
    git('commit', '-q', '-am', 'hold six');
    git('switch', '-q', 'main');
    hold('numpy');
    git('commit', '-q', '-am', 'hold numpy');
    expect(() => git('merge', 'topic')).toThrow();
    const conflicted = readFileSync(lockFile, 'utf8');

    const refused = await cogplan(['lock', project, '--yes', '--json']);
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.stdout).error).toMatchObject({
      code: 'COGPLAN_LOCK_SYNTAX',
      hint: expect.stringContaining('--merge'),
      where: { file: 'cogplan.lock', line: expect.any(Number) },
    });
    expect(readFileSync(lockFile, 'utf8')).toBe(conflicted);

    const merged = await cogplan(['lock', project, '--merge', '--yes']);
    expect([merged.status, merged.stderr]).toEqual([0, expect.any(String)]);
    expect(readLock(project).holds.map(({ subject }) => subject)).toEqual(['python/numpy', 'python/six']);
    expect((await cogplan(['lock', project, '--check'])).status).toBe(0);
    expect(readLock(project).targets['linux/amd64']?.python).toEqual(
      readLock(copyExample('hello-world', join(directory, 'again'))).targets['linux/amd64']?.python,
    );
  });
});

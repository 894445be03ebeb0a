import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Lock } from '../../src/lock/schema.generated.ts';
import { formatLock } from '../../src/lock/write-lock.ts';
import type { Plan } from '../../src/plan/diff/schema.generated.ts';
import { cogplan, cogplanJson, inDirectory, readLock } from './cogplan.ts';
import { aProject, ENVIRONMENT } from './locked-project.ts';

describe('cogplan plan', () => {
  it('finds nothing in a project that is in step, and exits 0 even when differences would be 2', async () => {
    await inDirectory(async (directory) => {
      const { project, store } = await aProject(directory);
      const result = await cogplan(['plan', project, '--detailed-exitcode'], { store });
      expect([result.status, result.stdout]).toEqual([0, 'No changes.\n']);
    });
  });

  it('shows a change and writes nothing; apply refuses the plan once its inputs moved, and names them', async () => {
    await inDirectory(async (directory) => {
      const { project, store } = await aProject(directory);
      const [lockFile, planFile] = [join(project, 'cogplan.lock'), join(directory, 'plan.json')];
      const before = readFileSync(lockFile, 'utf8');
      writeFileSync(join(project, 'cog.yaml'), ENVIRONMENT);
      const planned = await cogplan(['plan', project, '--detailed-exitcode', '--out', planFile], { store });
      expect(planned.status).toBe(2);
      expect(planned.stdout).toContain('env A');
      expect(readFileSync(lockFile, 'utf8')).toBe(before);
      const plan = JSON.parse(readFileSync(planFile, 'utf8')) as Plan;
      expect(plan.patch.length).toBeGreaterThan(0);

      writeFileSync(join(project, 'cog.yaml'), `${ENVIRONMENT}  - B=2\n`);
      const moved = await cogplan(['apply', planFile, project, '--offline', '--json'], { store });
      expect(moved.status).toBe(1);
      expect(JSON.parse(moved.stdout).error).toMatchObject({
        code: 'COGPLAN_PLAN_STALE',
        message: expect.stringContaining('environment'),
      });

      writeFileSync(join(project, 'cog.yaml'), ENVIRONMENT);
      const lock = readLock(project);
      writeFileSync(lockFile, formatLock({ ...lock, writtenBy: 'somebody else' }));
      const other = await cogplan(['apply', planFile, project, '--offline', '--json'], { store });
      expect(JSON.parse(other.stdout).error).toMatchObject({ code: 'COGPLAN_PLAN_STALE', subject: 'cogplan.lock' });

      writeFileSync(lockFile, before);
      const applied = await cogplan(['apply', planFile, project, '--offline', '--json'], { store });
      // The packages are nowhere to be had; the lock was accepted before anything was built.
      expect(JSON.parse(applied.stdout).error.code).not.toBe('COGPLAN_PLAN_STALE');
      expect(formatLock(readLock(project))).toBe(formatLock(plan.lock));
      const again = await cogplan(['apply', planFile, project, '--offline', '--json'], { store });
      expect(JSON.parse(again.stdout).error.code).not.toBe('COGPLAN_PLAN_STALE');
    });
  });

  it.each([
    ['markdown', '### cogplan: '],
    ['html', '<!doctype html>'],
    ['json', '{\n  "planVersion": 1,'],
  ])('speaks %s', async (format, start) => {
    await inDirectory(async (directory) => {
      const { project, store } = await aProject(directory);
      writeFileSync(join(project, 'cog.yaml'), ENVIRONMENT);
      const { stdout } = await cogplan(['plan', project, '--format', format], { store });
      expect(stdout.startsWith(start)).toBe(true);
    });
  });
});

it('review says what it needs where there is no terminal', async () => {
  await inDirectory(async (directory) => {
    const { project, store } = await aProject(directory);
    const { status, stderr } = await cogplan(['review', project], { store });
    expect([status, stderr.includes('COGPLAN_TERMINAL_NEEDED')]).toEqual([1, true]);
  });
});

it('diff compares files, projects, plans and revisions of git', async () => {
  await inDirectory(async (directory) => {
    const { project, store } = await aProject(directory);
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@test', ...args], { cwd: project, stdio: 'pipe' });
    git('init', '-q');
    git('add', '.');
    git('commit', '-q', '-m', 'first');
    const planFile = join(directory, 'plan.json');
    writeFileSync(join(project, 'cog.yaml'), ENVIRONMENT);
    await cogplan(['plan', project, '--out', planFile], { store });
    await cogplan(['lock', project, '--yes'], { store });
    const run = (from: string, to: string) =>
      cogplan(['diff', from, to, '--detailed-exitcode'], { store, cwd: project });
    const comment = await cogplan(['diff', 'HEAD:cogplan.lock', 'cogplan.lock', '--format', 'markdown'], {
      store,
      cwd: project,
    });
    expect(comment.stdout).toMatch(/^### cogplan: \d+ to add/);
    const [fromGit, fromPlan, swapped, missing] = [
      await run('HEAD:cogplan.lock', '.'),
      await run(planFile, join(project, 'cogplan.lock')),
      await run('.', 'HEAD:cogplan.lock'),
      await run('HEAD:nothing.lock', '.'),
    ];
    expect([fromGit.status, fromPlan.status, swapped.status, missing.status]).toEqual([2, 0, 2, 1]);
    expect(fromGit.stdout).toMatch(/\+ env A +A=1/);
    expect(swapped.stdout).toMatch(/- env A +A=1/);
    expect(missing.stderr).toContain('COGPLAN_LOCK_MISSING');
  });
});

it('why and tree tell from the lock alone who needs a package', async () => {
  await inDirectory(async (directory) => {
    const { project, store } = await aProject(directory);
    const options = { store, prefix: ['unshare', '-rn'] };
    const why = await cogplan(['why', 'NumPy', project], options);
    expect(why.stdout).toBe('numpy 1.26.4 (python, linux/amd64)\n  requirements.txt:1: app → app 1.0 → numpy>=1\n');
    const tree = await cogplan(['tree', project, '--family', 'python'], options);
    expect(tree.stdout).toContain('  app 1.0 [requirements.txt:1: app]\n    numpy 1.26.4 (numpy>=1)\n');
    const slip = await cogplan(['why', 'nunpy', project], options);
    expect([slip.status, slip.stderr.includes('Did you mean numpy?')]).toEqual([1, true]);
  });
});

it('holds are written with reason and date, listed, shown in plans, and let go', async () => {
  await inDirectory(async (directory) => {
    const { project, store } = await aProject(directory);
    const held = await cogplan(['hold', 'numpy', project, '--because', 'ABI of the model', '--until', '2999-01-01'], {
      store,
    });
    expect(held.status).toBe(0);
    const { holds }: Pick<Lock, 'holds'> = readLock(project);
    expect(holds).toEqual([
      {
        subject: 'python/numpy',
        reason: 'ABI of the model',
        since: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
        until: '2999-01-01',
      },
    ]);
    expect(await cogplanJson(['holds', project], { store })).toMatchObject({
      holds: [{ subject: 'python/numpy', value: '1.26.4', state: 'held' }],
    });
    expect((await cogplan(['plan', project], { store })).stdout).toContain('ABI of the model');
    const refused = await cogplan(['hold', 'image/cmd', project, '--because', 'x', '--json'], { store });
    expect(JSON.parse(refused.stdout).error.code).toBe('COGPLAN_HOLD_IMPOSSIBLE');
    expect((await cogplan(['hold', 'nothing', project, '--because', 'x'], { store })).status).toBe(1);
    expect((await cogplan(['unhold', 'numpy', project], { store })).status).toBe(0);
    expect(readLock(project).holds).toEqual([]);
    expect((await cogplan(['unhold', 'numpy', project], { store })).status).toBe(1);
  });
});

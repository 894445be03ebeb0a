import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatLock } from '../../src/lock/write-lock.ts';
import type { Plan } from '../../src/plan/diff/schema.generated.ts';
import { openTerminal, type Terminal } from '../terminal/terminal.ts';
import { CLI, cogplan, inDirectory, readLock } from './cogplan.ts';
import { aProject, ENVIRONMENT } from './locked-project.ts';

interface Scene {
  readonly project: string;
  readonly store: string;
  readonly lockFile: string;
  /** The lock's text before anything was reviewed. */
  readonly before: string;
  readonly open: (args: readonly string[], env?: Readonly<Record<string, string>>) => Terminal;
}

/** A project whose lock is one environment variable behind. */
async function withScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const { project, store } = await aProject(directory);
    const lockFile = join(project, 'cogplan.lock');
    writeFileSync(join(project, 'cog.yaml'), ENVIRONMENT);
    await work({
      project,
      store,
      lockFile,
      before: readFileSync(lockFile, 'utf8'),
      open: ([verb = '', ...args], env = {}) =>
        openTerminal([CLI, verb, project, ...args], { env: { COGPLAN_STORE: store, ...env }, cwd: directory }),
    });
  });
}

const shown = (screen: string): boolean => /\[ \] \+ env A/.test(screen);

describe('cogplan review', () => {
  it('writes the lock that is on the screen, and leaves the terminal as it was', async () => {
    await withScene(async ({ open, project }) => {
      const terminal = open(['review']);
      await terminal.until(shown);
      terminal.type('*w');
      expect(await terminal.ended).toBe(0);
      expect(terminal.buffer()).toBe('normal');
      expect(terminal.text()).toMatch(/Wrote cogplan\.lock: \d+ changes/);
      expect(readLock(project).targets['linux/amd64']?.image.env).toContain('A=1');
    });
  });

  it('writes nothing on Ctrl-C (130) and when one leaves (3)', async () => {
    await withScene(async ({ open, lockFile, before }) => {
      for (const [keys, status] of [
        ['\u0003', 130],
        ['q', 3],
      ] as const) {
        const terminal = open(['review']);
        await terminal.until(shown);
        terminal.type(keys);
        expect(await terminal.ended).toBe(status);
        expect(terminal.buffer()).toBe('normal');
        expect(readFileSync(lockFile, 'utf8')).toBe(before);
      }
    });
  });

  it('saves a plan, and leaves the lock alone', async () => {
    await withScene(async ({ open, project, lockFile, before }) => {
      const terminal = open(['review']);
      await terminal.until(shown);
      terminal.type('S');
      await terminal.until((screen) => screen.includes('Save the plan as'));
      terminal.type(`\u0015${project}/p.json\r`);
      expect(await terminal.ended).toBe(0);
      expect((JSON.parse(readFileSync(join(project, 'p.json'), 'utf8')) as Plan).changes.length).toBeGreaterThan(0);
      expect(readFileSync(lockFile, 'utf8')).toBe(before);
    });
  });

  it('does not overwrite a lock that others wrote meanwhile', async () => {
    await withScene(async ({ open, project, lockFile }) => {
      const terminal = open(['review']);
      await terminal.until(shown);
      const others = formatLock({ ...readLock(project), writtenBy: 'somebody else' });
      writeFileSync(lockFile, others);
      terminal.type('*w');
      expect(await terminal.ended).toBe(1);
      expect(terminal.text()).toContain('COGPLAN_PLAN_STALE');
      expect(readFileSync(lockFile, 'utf8')).toBe(others);
    });
  });

  it('asks plain questions with --accessible', async () => {
    await withScene(async ({ open, project }) => {
      const terminal = open(['review', '--accessible']);
      await terminal.until((screen) => screen.includes('Change 1 of'));
      terminal.type('w\r');
      await terminal.until((screen) => screen.includes('(y/n)'));
      terminal.type('y\r');
      expect(await terminal.ended).toBe(0);
      expect(terminal.written()).not.toContain('\u001b[?1049h');
      expect(readLock(project).targets['linux/amd64']?.image.env).toContain('A=1');
    });
  });

  it('is offered by `cogplan lock` when it asks', async () => {
    await withScene(async ({ open, project }) => {
      const terminal = open(['lock']);
      await terminal.until((screen) => screen.includes('Write cogplan.lock?'));
      terminal.type('r\r');
      await terminal.until(shown);
      terminal.type('*w');
      expect(await terminal.ended).toBe(0);
      expect(readLock(project).targets['linux/amd64']?.image.env).toContain('A=1');
    });
  });

  it('needs a terminal, outside of CI, and says what to do without one', async () => {
    await withScene(async ({ open, project, store }) => {
      const piped = await cogplan(['review', project], { store });
      expect([piped.status, piped.stdout]).toEqual([1, '']);
      expect(piped.stderr).toContain('COGPLAN_TERMINAL_NEEDED');
      expect(piped.stderr).toContain('--accessible');
      for (const env of [{ CI: '1' }, { TERM: 'dumb' }]) {
        const terminal = open(['review'], env);
        expect(await terminal.ended).toBe(1);
        expect(terminal.text()).toContain('COGPLAN_TERMINAL_NEEDED');
      }
    });
  });

  it('decides nothing when the answers end', async () => {
    await withScene(async ({ project, store, lockFile, before }) => {
      const result = await cogplan(['review', project, '--accessible'], { store });
      expect(result.status).toBe(3);
      expect(result.stdout).toContain('Nothing was written.');
      expect(readFileSync(lockFile, 'utf8')).toBe(before);
    });
  });
});

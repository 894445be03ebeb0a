import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  applyFresh,
  cogplan,
  cogplanJson,
  copyExample,
  inDirectory,
  type Receipt,
  readLock,
  storeOf,
} from './cogplan.ts';

const HALF_AN_HOUR = 1_800_000;
const MOMENTS = 20;

/** Repeatable moments, spread over the time that the whole run takes. */
function moments(untilMs: number): number[] {
  let state = 20_261_122;
  return Array.from({ length: MOMENTS }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.round((state / 2 ** 31) * untilMs);
  });
}

it(
  'survives SIGKILL at twenty moments of lock and apply',
  async () => {
    await inDirectory(async (directory) => {
      const project = copyExample('hello-world', directory);
      const expected = await applyFresh(project);
      const lock = readLock(project);
      const store = storeOf(lock, join(directory, 'store'));

      const started = performance.now();
      rmSync(join(project, 'cogplan.lock'));
      await cogplanJson(['lock', project, '--yes'], { store });
      await cogplanJson(['apply', project], { store });
      const whole = performance.now() - started;

      for (const moment of moments(whole)) {
        rmSync(join(project, 'cogplan.lock'), { force: true });
        rmSync(join(store, 'derived'), { recursive: true, force: true });
        await cogplan(['lock', project, '--yes'], { store, killAfterMs: moment });
        await cogplan(['apply', project], { store, killAfterMs: Math.max(0, moment - whole / 2) });
        if (existsSync(join(project, 'cogplan.lock'))) readLock(project);
      }
      await cogplanJson(['lock', project, '--yes'], { store });
      const receipt = await cogplanJson<Receipt>(['apply', project], { store });
      expect(receipt.imageId).toBe(expected.imageId);
      expect(await cogplanJson(['store', 'verify'], { store })).toEqual({ problems: [] });
      expect(readdirSync(join(store, 'tmp'))).toEqual([]);
      expect(readdirSync(project).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    });
  },
  HALF_AN_HOUR,
);

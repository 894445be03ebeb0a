import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sha256, sha256 } from '../digest.ts';
import { CogplanError, isCogplanError } from '../errors.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { openPool, type PoolOptions } from './pool.ts';
import type { WheelsRecipe } from './recipe.ts';
import { fromPlainError, toPlainError } from './worker-message.ts';

let directory: string;
let store: Store;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-pool-'));
  store = await openStore(join(directory, 'store'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const options = (change: Partial<PoolOptions> = {}): PoolOptions => ({
  store,
  concurrency: 2,
  inflatedDirectory: undefined,
  signal: new AbortController().signal,
  warn: () => undefined,
  ...change,
});
const missing = sha256('not in the store') as Sha256;
const scheme = { purelib: 'p', platlib: 'p', scripts: 's', headers: 'h', data: 'd', interpreter: '/usr/bin/python3' };
const empty: WheelsRecipe = { kind: 'wheels', assembler: 1, scheme, wheels: [] };

describe('openPool', () => {
  it('runs jobs and gives back their results', async () => {
    const pool = openPool(options());
    const results = await Promise.all([
      pool.run({ kind: 'layer', recipe: empty }, 1),
      pool.run({ kind: 'layer', recipe: empty }, 1),
    ]);
    expect(results).toEqual([results[0], results[0]]);
    expect(results[0]).toEqual({ diffId: sha256(Buffer.alloc(1024)), size: 1024 });
    await pool.close();
  });

  it('starts the costliest of the waiting jobs first', async () => {
    const pool = openPool(options({ concurrency: 1 }));
    const order: number[] = [];
    const costs = [1, 5, 2, 9, 9, 3];
    await Promise.all(
      costs.map((cost) => pool.run({ kind: 'layer', recipe: empty }, cost).then(() => order.push(cost))),
    );
    expect(order).toEqual([1, 9, 9, 5, 3, 2]);
    await pool.close();
  });

  it('goes on after a job that fails', async () => {
    const pool = openPool(options());
    const failed = pool.run({ kind: 'inflate', deb: missing, what: 'nothing 1.0' }, 1);
    const next = pool.run({ kind: 'layer', recipe: empty }, 1);
    await expect(failed).rejects.toThrow();
    await expect(next).resolves.toMatchObject({ size: 1024 });
    await pool.close();
  });

  it('gives every waiting job the reason when it is stopped', async () => {
    const stop = new AbortController();
    const pool = openPool(options({ signal: stop.signal }));
    const jobs = [1, 2, 3].map(() => pool.run({ kind: 'inflate', deb: missing, what: 'nothing 1.0' }, 1));
    stop.abort(new Error('enough'));
    const outcomes = await Promise.allSettled(jobs);
    expect(outcomes.slice(1).map((outcome) => outcome.status === 'rejected' && String(outcome.reason))).toEqual([
      'Error: enough',
      'Error: enough',
    ]);
    await expect(pool.run({ kind: 'layer', recipe: empty }, 1)).rejects.toThrow('enough');
    await pool.close();
  });
});

describe('errors across threads', () => {
  const cross = (error: unknown) => fromPlainError(structuredClone(toPlainError(error)));

  it('keeps everything that a person is told', () => {
    const error = new CogplanError('COGPLAN_CONTENT_CORRUPT', 'x is damaged', {
      subject: 'x',
      where: { file: 'cog.yaml', line: 3 },
      hint: 'try again',
      data: { origin: 'y' },
    });
    const crossed = cross(error);
    expect(isCogplanError(crossed, 'COGPLAN_CONTENT_CORRUPT')).toBe(true);
    expect(crossed).toMatchObject({
      message: 'x is damaged',
      subject: 'x',
      where: { file: 'cog.yaml', line: 3 },
      hint: 'try again',
      data: { origin: 'y' },
      family: 'integrity',
    });
  });

  it('leaves an error of the file system what it is', () => {
    const error = Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write', path: '/store/x' });
    expect(cross(error)).toMatchObject({
      message: 'no space left',
      code: 'ENOSPC',
      syscall: 'write',
      path: '/store/x',
    });
  });

  it('calls any other error a bug, with its cause', () => {
    const crossed = cross(new TypeError('x is undefined'));
    expect(isCogplanError(crossed, 'COGPLAN_BUG')).toBe(true);
    expect(crossed.cause).toMatchObject({ message: 'x is undefined' });
  });

  it('takes what is thrown and is no error', () => {
    expect(cross('plain text')).toMatchObject({ code: 'COGPLAN_BUG', message: expect.stringContaining('plain text') });
  });
});

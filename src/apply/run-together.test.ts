import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Context } from '../context.ts';
import { runTogether } from './run-together.ts';

const context = (signal = new AbortController().signal) => ({ signal }) as unknown as Context;

it('gives the results in order', async () => {
  expect(await runTogether(context(), [async () => 1, async () => 'two'])).toEqual([1, 'two']);
});

it('stops the others when one fails, and waits for their end', async () => {
  let ended = 0;
  const slow = async ({ signal }: Context) => {
    await wait(60_000, undefined, { signal }).catch(() => undefined);
    await wait(10);
    ended++;
    throw new Error('second');
  };
  const failing = async () => {
    throw new Error('first');
  };
  await expect(runTogether(context(), [slow, failing, slow])).rejects.toThrow('first');
  expect(ended).toBe(2);
});

it('passes an interruption on', async () => {
  const stop = new AbortController();
  const slow = async ({ signal }: Context) => wait(60_000, undefined, { signal });
  const both = runTogether(context(stop.signal), [slow, slow]);
  stop.abort(new Error('enough'));
  await expect(both).rejects.toMatchObject({ cause: { message: 'enough' } });
});

import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { watchOutputs } from './watch-outputs.ts';

it('takes a reader that went away for no failure, and a full disk for one', () => {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const lost: string[] = [];
  watchOutputs(streams, ({ message }) => lost.push(message));
  const fail = (code: string): Error => Object.assign(new Error(code), { code });
  streams.stdout.emit('error', fail('EPIPE'));
  streams.stderr.emit('error', fail('ENOSPC'));
  expect(lost).toEqual([]);
  streams.stdout.emit('error', fail('ENOSPC'));
  expect(lost).toEqual(['ENOSPC']);
});

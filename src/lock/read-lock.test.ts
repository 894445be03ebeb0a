import { describe, expect, it } from 'vitest';
import { aDeb, aFile, aLock, aSeal, aTarget, aWheel } from '../../test/builders/lock.ts';
import { CogplanError } from '../errors.ts';
import { parseLock } from './read-lock.ts';
import type { Lock } from './schema.generated.ts';
import { formatLock } from './write-lock.ts';

function failure(text: string): CogplanError {
  try {
    parseLock(text, 'cogplan.lock');
  } catch (error) {
    if (error instanceof CogplanError) return error;
    throw error;
  }
  throw new Error('the lock was accepted');
}

describe('parseLock', () => {
  it('reads what formatLock wrote', () => {
    const lock = aLock({}, { seals: [aSeal('base')] });
    expect(parseLock(formatLock(lock), 'cogplan.lock')).toEqual(lock);
  });

  it('places a syntax error by line and column', () => {
    const error = failure('{\n  "lockVersion": 1,,\n}');
    expect(error.code).toBe('COGPLAN_LOCK_SYNTAX');
    expect(error.where).toMatchObject({ file: 'cogplan.lock', line: 2 });
  });

  it('recognises merge-conflict markers', () => {
    const error = failure('{\n<<<<<<< HEAD\n  "lockVersion": 1\n=======\n>>>>>>> theirs\n}');
    expect(error.code).toBe('COGPLAN_LOCK_SYNTAX');
    expect(error.message).toContain('merge-conflict');
    expect(error.where).toMatchObject({ line: 2, column: 1 });
  });

  it('refuses another lock version, naming the program that wrote it', () => {
    const error = failure(JSON.stringify({ ...aLock(), lockVersion: 2, writtenBy: 'cogplan 9.0.0' }));
    expect(error.code).toBe('COGPLAN_LOCK_VERSION');
    expect(error.message).toContain('cogplan 9.0.0');
    expect(error.hint).toContain('newer');
  });

  it.each<[string, (lock: Lock) => unknown]>([
    ['an unknown key', (lock) => ({ ...lock, extra: true })],
    [
      'a hash that is none',
      (lock) => ({ ...lock, tools: [{ ...lock.tools[0], file: aFile('x', { sha256: 'abc' as never }) }] }),
    ],
    ['an empty document', () => ({})],
    ['a list', () => []],
    ['an unknown platform', (lock) => ({ ...lock, targets: { 'windows/amd64': aTarget() } })],
  ])('refuses %s by the schema', (_name, change) => {
    expect(failure(JSON.stringify(change(aLock()))).code).toBe('COGPLAN_LOCK_INVALID');
  });

  it.each<[string, Lock, string]>([
    [
      'packages out of order',
      aLock({}, { python: { indexes: [], packages: [aWheel('b', '1'), aWheel('a', '1')] } }),
      'a is out of order',
    ],
    [
      'a package twice',
      aLock({}, { python: { indexes: [], packages: [aWheel('a', '1'), aWheel('a', '1')] } }),
      'a stands twice',
    ],
    [
      'an edge to nowhere',
      aLock({}, { system: { ...aTarget().system, packages: [aDeb('libc6', '1', { depends: ['libgone'] })] } }),
      'libgone, which is not locked',
    ],
    ['a layer sealed twice', aLock({}, { seals: [aSeal('base'), aSeal('base')] }), 'sealed twice'],
    [
      'credentials in a URL',
      aLock({
        tools: [
          {
            name: 'uv',
            version: '1',
            host: 'linux/amd64',
            file: aFile('uv', { url: 'https://me:secret@files.test/uv' }),
          },
        ],
      }),
      'a URL carries credentials',
    ],
  ])('refuses %s', (_name, lock, text) => {
    const error = failure(JSON.stringify(lock));
    expect(error.code).toBe('COGPLAN_LOCK_INVALID');
    expect(error.message).toContain(text);
    expect(error.message).not.toContain('secret');
  });

  it('refuses two sizes for one hash', () => {
    const file = aFile('same');
    const lock = aLock(
      {},
      {
        python: {
          indexes: [],
          packages: [aWheel('a', '1', { file }), aWheel('b', '1', { file: { ...file, size: 9 } })],
        },
      },
    );
    expect(failure(JSON.stringify(lock)).message).toContain('two sizes');
  });
});

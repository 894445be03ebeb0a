import { describe, expect, it } from 'vitest';
import { aDeb, aLock, aSeal, aTarget, aWheel } from '../../test/builders/lock.ts';
import { parseLock } from './read-lock.ts';
import type { Lock } from './schema.generated.ts';
import { formatLock } from './write-lock.ts';

function shuffled<T>(value: T): T {
  if (Array.isArray(value)) return value.map(shuffled) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, shuffled(item)]),
  ) as T;
}

function changedLines(before: Lock, after: Lock): number {
  const [old, now] = [formatLock(before).split('\n'), formatLock(after).split('\n')];
  expect(now.length).toBe(old.length);
  return now.filter((line, index) => line !== old[index]).length;
}

describe('formatLock', () => {
  it('gives the same text whatever order keys were set in', () => {
    const lock = aLock({}, { seals: [aSeal('python')] });
    expect(formatLock(shuffled(lock))).toBe(formatLock(lock));
  });

  it('is read back as the same value, and written again as the same text', () => {
    const text = formatLock(aLock({}, { seals: [aSeal('base'), aSeal('python')] }));
    expect(formatLock(parseLock(text, 'cogplan.lock'))).toBe(text);
  });

  it('changes two lines for one bumped wheel or .deb', () => {
    const wheel = (version: string) => aLock({}, { python: { indexes: [], packages: [aWheel('numpy', version)] } });
    expect(changedLines(wheel('1.26.4'), wheel('1.26.5'))).toBe(2);
    const deb = (version: string) => aLock({}, { system: { ...aTarget().system, packages: [aDeb('libc6', version)] } });
    expect(changedLines(deb('2.36-9'), deb('2.36-10'))).toBe(2);
  });

  it('refuses a key that the format does not know', () => {
    expect(() => formatLock({ ...aLock(), extra: 1 } as unknown as Lock)).toThrow(/lock\.extra has no place/);
  });

  it('ends in one newline and holds no tab', () => {
    expect(formatLock(aLock())).toMatch(/[^\n]\n$/);
    expect(formatLock(aLock())).not.toContain('\t');
  });
});

import { describe, expect, it } from 'vitest';
import { aDeb, aTarget, aWheel } from '../../test/builders/lock.ts';
import type { Hold } from '../lock/schema.generated.ts';
import { heldOf, mentions, parseHoldSubject } from './holds.ts';

const target = aTarget({
  system: {
    archives: [],
    packages: [
      aDeb('libc6', '2.36'),
      aDeb('libpython3.11-stdlib', '3.11.2', { group: 'interpreter' }),
      aDeb('libsqlite3-0', '3.40', { group: 'interpreter' }),
      aDeb('ffmpeg', '5', { group: 'system' }),
    ],
  },
  python: { indexes: [], packages: [aWheel('numpy', '1.26.4'), aWheel('nvidia-cudnn-cu12', '9.1')] },
});

const hold = (subject: string, until?: string): Hold => ({
  subject,
  reason: 'r',
  since: '2026-01-01',
  ...(until === undefined ? {} : { until }),
});
const held = (...holds: readonly Hold[]) => {
  const { system, python, suite } = heldOf(holds, target, new Date('2026-03-01T12:00:00Z'));
  return [[...system.keys()], [...python.keys()], suite !== undefined];
};

describe('heldOf', () => {
  it.each<[string, readonly string[], readonly string[], boolean]>([
    ['python/numpy', [], ['numpy'], false],
    ['system/ffmpeg', ['ffmpeg'], [], false],
    ['base/base', ['libc6'], [], true],
    ['interpreter/python', ['libpython3.11-stdlib'], [], true],
    ['accelerator/cuda', [], ['nvidia-cudnn-cu12'], false],
    ['python/gone', [], [], false],
  ])('%s', (subject, system, python, suite) => {
    expect(held(hold(subject))).toEqual([system, python, suite]);
  });

  it.each([
    ['2026-02-28', []],
    ['2026-03-01', ['numpy']],
    ['2026-03-01T11:00:00Z', []],
  ])('ends with %s', (until, names) => {
    expect(held(hold('python/numpy', until))[1]).toEqual(names);
  });

  it('keeps nothing where nothing is locked', () => {
    expect(heldOf([hold('python/numpy')], undefined, new Date()).python.size).toBe(0);
  });
});

it.each(['image/cmd', 'runtime/uvicorn', 'numpy', 'python/', ''])('refuses to hold %j', (subject) => {
  expect(() => parseHoldSubject(subject)).toThrowError(
    expect.objectContaining({ code: 'COGPLAN_HOLD_IMPOSSIBLE', hint: expect.stringContaining('python/numpy') }),
  );
});

it.each([
  ['numpy', 'you require numpy>=2.', true],
  ['numpy', 'scipy needs numpy.', true],
  ['numpy', 'numpy-stl is there', false],
  ['libstdc++6', 'gcc needs libstdc++6 (>= 1)', true],
  ['libstdc++', 'gcc needs libstdc++6', false],
  ['python3', 'python3.11 2 needs libc6', false],
])('whether a text mentions %s: %s', (name, text, expected) => {
  expect(mentions(name, text)).toBe(expected);
});

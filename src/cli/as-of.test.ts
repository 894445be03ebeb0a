import { expect, test } from 'vitest';
import { parseAsOf } from './as-of.ts';

const now = new Date('2026-11-22T09:00:00Z');

test.each([
  ['2023-05-04', '2023-05-04T23:59:59Z'],
  ['2026-11-22', '2026-11-22T23:59:59Z'],
  ['2023-05-04T12:00:00+02:00', '2023-05-04T10:00:00Z'],
  ['now', null],
])('%s is %s', (text, instant) => {
  expect(parseAsOf(text, now)).toBe(instant);
});

test.each(['yesterday', '2023-5-4', '2023-02-30', '2026-11-23', '2030-01-01T00:00:00Z', ''])(
  '%s is refused',
  (text) => {
    expect(() => parseAsOf(text, now)).toThrow(expect.objectContaining({ code: 'COGPLAN_USAGE' }));
  },
);

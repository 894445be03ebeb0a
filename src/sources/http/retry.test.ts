import { expect, test } from 'vitest';
import { defaultBackoff, isTransient, parseRetryAfter } from './retry.ts';

const NOW = new Date('2026-01-01T00:00:00Z');

test.each([
  [undefined, undefined],
  ['0', 0],
  ['120', 120_000],
  ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['Thu, 01 Jan 2025 00:00:30 GMT', 0],
  ['soon', undefined],
  ['', undefined],
])('Retry-After %s', (value, expected) => {
  expect(parseRetryAfter(value, NOW)).toBe(expected);
});

test('backoff grows and stays bounded', () => {
  for (let attempt = 1; attempt < 20; attempt++) {
    expect(defaultBackoff(attempt)).toBeLessThanOrEqual(8_000);
    expect(defaultBackoff(attempt)).toBeGreaterThanOrEqual(250);
  }
});

test('what may pass is told from what will not', () => {
  const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
  expect(isTransient(reset)).toBe(true);
  expect(isTransient(new TypeError('fetch failed', { cause: reset }))).toBe(true);
  expect(isTransient(new AggregateError([reset]))).toBe(true);
  expect(isTransient(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))).toBe(false);
  expect(isTransient(Object.assign(new Error('no'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }))).toBe(false);
  expect(isTransient(new Error('no'))).toBe(false);
});

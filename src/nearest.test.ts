import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

const KEYS = ['python_version', 'python_packages', 'system_packages', 'gpu', 'run'];

test.each<[string, string | undefined]>([
  ['python_verison', 'python_version'],
  ['systempackages', 'system_packages'],
  ['Python_Packages', 'python_packages'],
  ['gpus', 'gpu'],
  ['rnu', 'run'],
  ['observability', undefined],
  ['x', undefined],
  ['p'.repeat(1000), undefined],
])('%s is nearest to %s', (word, expected) => {
  expect(nearest(word, KEYS)).toBe(expected);
});

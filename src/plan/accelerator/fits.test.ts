import { expect, test } from 'vitest';
import type { Accelerator } from '../../lock/schema.generated.ts';
import { fitsMachine } from './fits.ts';

const cu121: Accelerator = {
  cuda: '12.1',
  provider: 'wheels',
  why: '',
  architectures: ['sm_50', 'sm_80', 'sm_86', 'sm_90'],
  minimumDriver: '525.60.13',
};

test.each<[Accelerator | null, { gpu?: string; driver?: string }, string]>([
  [cu121, { gpu: 'sm_86' }, 'yes'],
  [cu121, { gpu: 'sm_89' }, 'yes'],
  [cu121, { gpu: 'sm_52' }, 'yes'],
  [cu121, { gpu: 'sm_75' }, 'no'],
  [cu121, { gpu: 'sm_120' }, 'no'],
  [{ ...cu121, ptx: true }, { gpu: 'sm_120' }, 'yes'],
  [{ ...cu121, ptx: true }, { gpu: 'sm_75' }, 'no'],
  [cu121, { driver: '550.54' }, 'yes'],
  [cu121, { driver: '525.60.13' }, 'yes'],
  [cu121, { driver: '470.82.01' }, 'no'],
  [cu121, { gpu: 'sm_90', driver: '470.82.01' }, 'no'],
  [{ provider: 'wheels', why: '' }, { gpu: 'sm_90', driver: '550' }, 'unknown'],
  [null, { gpu: 'sm_90', driver: '1' }, 'yes'],
])('%j on %j: %s', (accelerator, machine, fits) => {
  const answer = fitsMachine(accelerator, machine);
  expect(answer.fits).toBe(fits);
  expect(answer.reasons.length).toBeGreaterThan(0);
});

import { expect, test } from 'vitest';
import { gpuCapability } from './gpu-names.ts';

test.each([
  ['sm_89', 'sm_89'],
  ['sm_120', 'sm_120'],
  ['sm_90a', 'sm_90a'],
  ['8.9', 'sm_89'],
  ['12.0', 'sm_120'],
  ['H100', 'sm_90'],
  ['NVIDIA B200', 'sm_100'],
  ['GeForce RTX 5090', 'sm_120'],
  ['rtx-4090', 'sm_89'],
  ['Tesla T4', 'sm_75'],
  ['GTX 1080 Ti', 'sm_61'],
  ['P100', 'sm_60'],
  ['A10G', 'sm_86'],
  ['RTX 6000 Ada', 'sm_89'],
  ['Jetson Orin', 'sm_87'],
])('%s is %s', (text, capability) => {
  expect(gpuCapability(text)).toBe(capability);
});

test.each(['', 'sm_', 'sm_1234', '89', 'gpu', '12', 'H1000', '9.99', 'sm_89;rm'])('%j is no GPU', (text) => {
  expect(gpuCapability(text)).toBeUndefined();
});

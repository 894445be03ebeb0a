import { expect, test } from 'vitest';
import { deviceRequest } from './gpus.ts';

test.each([
  ['all', { Count: -1, Capabilities: [['gpu']] }],
  ['2', { Count: 2, Capabilities: [['gpu']] }],
  ['"device=0,1"', { DeviceIDs: ['0', '1'], Capabilities: [['gpu']] }],
  ['device=GPU-3a23c669', { DeviceIDs: ['GPU-3a23c669'], Capabilities: [['gpu']] }],
])('%s asks for %j', (text, request) => {
  expect(deviceRequest(text)).toEqual(request);
});

test.each(['', '0', 'none', 'device=', 'device=a b', '-1'])('%j is refused', (text) => {
  expect(() => deviceRequest(text)).toThrow(expect.objectContaining({ code: 'COGPLAN_USAGE' }));
});

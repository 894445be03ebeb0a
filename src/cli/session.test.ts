import { expect, it } from 'vitest';
import { platformOf } from './session.ts';

it.each([
  ['x64', 'linux/amd64'],
  ['arm64', 'linux/arm64'],
])('takes the Linux platform of a %s processor', (processor, platform) => {
  expect(platformOf({}, processor)).toBe(platform);
});

it('takes the platform that is named', () => {
  expect(platformOf({ platform: 'linux/arm64' }, 'x64')).toBe('linux/arm64');
});

it('asks for one on a processor that images cannot be locked for', () => {
  expect(() => platformOf({}, 'riscv64')).toThrow(
    expect.objectContaining({ code: 'COGPLAN_PLATFORM_UNSUPPORTED', subject: 'riscv64' }),
  );
});

import { describe, expect, it } from 'vitest';
import { CogplanError } from '../errors.ts';
import { forPlatform } from './foreign-platform.ts';

const failing = (code: 'COGPLAN_BYTECODE_FAILED' | 'COGPLAN_SANDBOX_FAILED' | 'COGPLAN_NETWORK') => async () => {
  throw new CogplanError(code, 'exec format error');
};

describe('work for a platform', () => {
  it('gives what it gives', async () => {
    expect(await forPlatform('linux/arm64', async () => 'image', 'x64')).toBe('image');
  });

  it.each(['COGPLAN_BYTECODE_FAILED', 'COGPLAN_SANDBOX_FAILED'] as const)(
    'says that a foreign interpreter does not run here, and what to do: %s',
    async (code) => {
      await expect(forPlatform('linux/arm64', failing(code), 'x64')).rejects.toMatchObject({
        code: 'COGPLAN_PLATFORM_UNSUPPORTED',
        subject: 'linux/arm64',
        message: expect.stringContaining('linux/amd64'),
        hint: expect.stringContaining('--no-bytecode'),
      });
    },
  );

  it.each([
    ['linux/amd64', 'COGPLAN_BYTECODE_FAILED'],
    ['linux/arm64', 'COGPLAN_NETWORK'],
  ] as const)('leaves other failures as they are: %s %s', async (platform, code) => {
    await expect(forPlatform(platform, failing(code), 'x64')).rejects.toMatchObject({ code });
  });
});

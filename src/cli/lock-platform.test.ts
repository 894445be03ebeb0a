import { expect, test } from 'vitest';
import { aLock, aTarget } from '../../test/builders/lock.ts';
import { lockPlatforms } from './lock-platform.ts';
import { platformOf } from './session.ts';

test('the platform named, else those of the settings, else those locked, else this machine', () => {
  const both = aLock({ targets: { 'linux/amd64': aTarget(), 'linux/arm64': aTarget() } });
  expect(lockPlatforms(both, { platform: 'linux/arm64' }, ['linux/amd64'])).toEqual(['linux/arm64']);
  expect(lockPlatforms(aLock(), {}, ['linux/arm64', 'linux/amd64'])).toEqual(['linux/arm64', 'linux/amd64']);
  expect(lockPlatforms(both, {})).toEqual(['linux/amd64', 'linux/arm64']);
  expect(lockPlatforms(undefined, {})).toEqual([platformOf({})]);
});

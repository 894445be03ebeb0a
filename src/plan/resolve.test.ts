import { describe, expect, it } from 'vitest';
import { aContext } from '../../test/builders/context.ts';
import { aLock, aTarget, aWheel } from '../../test/builders/lock.ts';
import { aSpec } from '../../test/builders/spec.ts';
import { bundledSdk } from '../sources/bundled-runtime.ts';
import type { Spec } from '../spec/spec.ts';
import { askedOf } from './asked.ts';
import { staleKeys } from './check.ts';
import { imageOf } from './image.ts';
import { resolveLock } from './resolve.ts';

const keep = { mode: 'keep', asOf: null } as const;

function lockFor(spec: Spec) {
  const sdk = bundledSdk();
  return aLock(
    { asked: askedOf(spec) },
    { image: imageOf(spec, sdk.version, aTarget()), runtime: { sdk, server: [] } },
  );
}

describe('resolveLock', () => {
  it('gives an unchanged project its lock back without a network', async () => {
    const context = await aContext();
    const spec = aSpec();
    const previous = lockFor(spec);
    const lock = await resolveLock(context.offline(), { spec, platform: 'linux/amd64', previous, options: keep });
    context.dispose();
    expect(lock).toEqual(previous);
  });

  it('moves only the image when only the image is asked otherwise', async () => {
    const context = await aContext();
    const previous = lockFor(aSpec());
    const spec = aSpec({ environment: [{ name: 'A', value: 'b', where: { file: 'cog.yaml' } }] });
    const lock = await resolveLock(context.offline(), { spec, platform: 'linux/amd64', previous, options: keep });
    context.dispose();
    const [before, after] = [previous.targets['linux/amd64']!, lock.targets['linux/amd64']!];
    expect(after.image.env).toContain('A=b');
    expect({ ...after, image: before.image }).toEqual(before);
  });
});

describe('a package that is to be upgraded and is not locked', () => {
  it.each([
    ['numpy', 'See `cogplan tree` for the names of locked packages.'],
    ['requets', 'Did you mean requests?'],
    ['Requests==2.0', 'Write the name alone, requests: which versions are allowed stands in the requirements.'],
  ])('%s: the one that is meant, if any', async (name, hint) => {
    const context = await aContext();
    const previous = lockFor(aSpec());
    previous.targets['linux/amd64']!.python.packages = [aWheel('requests', '2.31.0')];
    const options = { ...keep, upgradePackages: [name] };
    const asked = { spec: aSpec(), platform: 'linux/amd64', previous, options } as const;
    await expect(resolveLock(context.offline(), asked)).rejects.toMatchObject({ code: 'COGPLAN_USAGE', hint });
    context.dispose();
  });
});

describe('staleKeys', () => {
  it('is empty for a lock in step', () => {
    expect(staleKeys(lockFor(aSpec()), { spec: aSpec(), sdk: bundledSdk() })).toEqual([]);
  });

  it('sees a label that cog.yaml would now give otherwise', () => {
    const spec = aSpec({ config: { image: 'other' } });
    expect(staleKeys(lockFor(aSpec()), { spec, sdk: bundledSdk() })).toMatchObject([
      { family: 'image', key: 'labels' },
    ]);
  });

  it('sees a cog module that this version does not bring', () => {
    const sdk = aWheel('cog', '9.0');
    expect(staleKeys(lockFor(aSpec()), { spec: aSpec(), sdk })).toMatchObject([{ family: 'runtime', key: 'cog' }]);
  });
});

import { beforeAll, expect, it } from 'vitest';
import { derivedMemory } from '../../../test/builders/derived-memory.ts';
import { clearSign, makeKey, type TestKey } from '../../../test/servers/debian-archive.ts';
import { verifyOncePerDay } from './remembered-signature.ts';

const now = new Date('2026-01-11T12:00:00Z');
let key: TestKey;
let other: TestKey;
let file: Buffer;

beforeAll(async () => {
  [key, other] = await Promise.all([makeKey(), makeKey()]);
  file = Buffer.from(await clearSign('Codename: test\n', [key], new Date('2026-01-10T00:00:00Z')));
});

it('a good signature is remembered for its bytes, its keys, its day and its build', async () => {
  const store = derivedMemory();
  const options = { keys: [key], now, what: 'InRelease' };
  const signed = await verifyOncePerDay({ store }, file, options, 'a');
  expect(signed).toEqual({ text: 'Codename: test\n', signers: [key.fingerprint] });
  expect(await verifyOncePerDay({ store }, file, { ...options, now: new Date('2026-01-11T23:00:00Z') }, 'a')).toEqual(
    signed,
  );
  expect(store.kept.size).toBe(1);
  await verifyOncePerDay({ store }, file, { ...options, now: new Date('2026-01-12T00:00:00Z') }, 'a');
  await verifyOncePerDay({ store }, file, { ...options, keys: [key, other] }, 'a');
  await verifyOncePerDay({ store }, file, options, 'b');
  expect(store.kept.size).toBe(4);
});

it('what is not signed by the keys is refused each time, also after others trusted it', async () => {
  const store = derivedMemory();
  await verifyOncePerDay({ store }, file, { keys: [key], now, what: 'InRelease' }, 'a');
  for (let time = 0; time < 2; time++) {
    await expect(
      verifyOncePerDay({ store }, file, { keys: [other], now, what: 'InRelease' }, 'a'),
    ).rejects.toMatchObject({ code: 'COGPLAN_SIGNATURE_KEY_UNKNOWN' });
    const forged = Buffer.from(file.toString().replace('test', 'tests'));
    await expect(
      verifyOncePerDay({ store }, forged, { keys: [key], now, what: 'InRelease' }, 'a'),
    ).rejects.toMatchObject({ code: 'COGPLAN_SIGNATURE_INVALID' });
  }
  expect(store.kept.size).toBe(1);
});

it('nothing is remembered by a program that runs from its sources', async () => {
  const store = derivedMemory();
  await verifyOncePerDay({ store }, file, { keys: [key], now, what: 'InRelease' }, 'source');
  expect(store.kept.size).toBe(0);
});

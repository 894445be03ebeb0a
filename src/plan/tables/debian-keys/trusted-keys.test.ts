import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { verifyClearSigned } from '../../../sources/apt/clear-signed.ts';
import { parseReleaseFile } from '../../../sources/apt/release-file.ts';
import { trustedKeysFor, ubuntuKeysFor } from './trusted-keys.ts';

const content = readFileSync(
  new URL('../../../../test/fixtures/debian/bookworm-security-InRelease', import.meta.url),
  'utf8',
);
const options = { now: new Date('2026-11-21T00:00:00Z'), what: 'InRelease' };

test('an InRelease of the security archive is signed by its keys, and by none of the main archive', async () => {
  const { text, signers } = await verifyClearSigned(content, { ...options, keys: trustedKeysFor('security') });
  expect(signers).toEqual(['05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0', 'AC530D520F2F3269F5E98313A48449044AAD5C5D']);
  expect(parseReleaseFile(text, 'x')).toMatchObject({ codename: 'bookworm-security', byHash: true });
  await expect(verifyClearSigned(content, { ...options, keys: trustedKeysFor('main') })).rejects.toMatchObject({
    code: 'COGPLAN_SIGNATURE_KEY_UNKNOWN',
  });
});

test('every pinned key is readable and has the fingerprint that it is pinned by', async () => {
  expect(ubuntuKeysFor().map(({ fingerprint }) => fingerprint.slice(-16))).toEqual([
    '3B4FE6ACC0B21F32',
    '871920D1991BC93C',
  ]);
  const keys = [...trustedKeysFor('main'), ...trustedKeysFor('security'), ...ubuntuKeysFor()];
  expect(keys).toHaveLength(11);
  await verifyClearSigned(content, { ...options, keys });
});

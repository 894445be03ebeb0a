import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { clearSign, makeKey, type TestKey } from '../../../test/servers/debian-archive.ts';
import { verifyClearSigned } from './clear-signed.ts';

const fixtures = new URL('../../../test/fixtures/debian/', import.meta.url);
const DAY = 86_400_000;
const signedAt = new Date('2026-01-10T00:00:00Z');
const now = new Date('2026-01-11T00:00:00Z');
const text = 'Codename: test\n- dashed\n-----BEGIN\nSHA256:\n abc';

let archive: TestKey;
let release: TestKey;
let stranger: TestKey;
let good: string;

beforeAll(async () => {
  [archive, release, stranger] = await Promise.all([makeKey(), makeKey(), makeKey()]);
  good = await clearSign(text, [archive, release, stranger], signedAt);
});

const check = (content: string, keys: readonly TestKey[] = [archive, release], at = now) =>
  verifyClearSigned(content, { keys, now: at, what: 'InRelease' });

describe('a clear-signed text', () => {
  test('gives what was signed and the primary keys that signed it; strangers are ignored', async () => {
    const signed = await check(good);
    expect(signed.text).toBe(text);
    expect(signed.signers).toEqual([archive.fingerprint, release.fingerprint].sort());
    expect(await check(good.replaceAll('\n', '\r\n'))).toEqual(signed);
  });

  test('needs one signer that is trusted and has not expired', async () => {
    expect((await check(good, [release])).signers).toEqual([release.fingerprint]);
    await expect(check(good, [])).rejects.toMatchObject({ code: 'COGPLAN_SIGNATURE_KEY_UNKNOWN' });
    const old = await makeKey(new Date('2020-01-01T00:00:00Z'), 6.05 * 365 * 86_400);
    const signed = await clearSign(text, [old], signedAt);
    expect((await check(signed, [old])).signers).toEqual([old.fingerprint]);
    await expect(check(signed, [old], new Date(now.getTime() + 90 * DAY))).rejects.toMatchObject({
      code: 'COGPLAN_SIGNATURE_KEY_EXPIRED',
      message: expect.stringMatching(/expired on 2026/),
    });
  });

  test('is refused before the time of its signature', async () => {
    await expect(check(good, [archive], new Date(signedAt.getTime() - DAY))).rejects.toThrow(/not good/);
  });

  test('is refused when it is signed with a weak digest', async () => {
    const read = (name: string) => readFileSync(new URL(name, fixtures), 'utf8');
    const key = { fingerprint: 'C71ABC11E3A190127C55BE37E6B4BB8CC3CB0307', armored: read('weak-digest.key.asc') };
    const options = { keys: [key], now, what: 'InRelease' };
    expect((await verifyClearSigned(read('strong-digest.asc'), options)).text).toBe('Codename: test');
    expect(read('weak-digest.asc')).toContain('Hash: SHA1');
    await expect(verifyClearSigned(read('weak-digest.asc'), options)).rejects.toMatchObject({
      code: 'COGPLAN_SIGNATURE_WEAK',
      message: expect.stringMatching(/Insecure message hash algorithm: SHA1/),
    });
  });

  test('is refused when the key does not have the pinned fingerprint', async () => {
    const forged = { ...archive, armored: stranger.armored };
    await expect(check(good, [forged])).rejects.toThrow(/has the fingerprint/);
  });

  const UNCOVERED = 'COGPLAN_SIGNATURE_UNCOVERED';
  const tampered: readonly (readonly [string, (content: string) => string, RegExp, string?])[] = [
    ['a changed line', (content) => content.replace('Codename: test', 'Codename: evil'), /not good/],
    [
      'a line more',
      (content) => content.replace('\n-----BEGIN PGP SIGNATURE', '\nmore\n-----BEGIN PGP SIGNATURE'),
      /not good/,
    ],
    ['text before it', (content) => `Codename: evil\n${content}`, /text before/, UNCOVERED],
    ['an empty line before it', (content) => `\n${content}`, /text before/, UNCOVERED],
    ['text after it', (content) => `${content}\nCodename: evil\n`, /text after the signature/, UNCOVERED],
    ['a second block', (content) => `${content}\n${content}`, /after the signature/, UNCOVERED],
    ['another armour header', (content) => content.replace('Hash:', 'Comment: x\nHash:'), /armour header/, UNCOVERED],
    [
      'text in the place of a header',
      (content) => content.replace(/Hash: .*\n/, 'Codename: evil\n'),
      /armour header/,
      UNCOVERED,
    ],
    [
      'a bare dash',
      (content) => content.replace('- - dashed', '- dashed').replace('- -----BEGIN', '-----BEGIN'),
      /dash inside/,
      UNCOVERED,
    ],
    ['no signature', (content) => content.slice(0, content.indexOf('-----BEGIN PGP SIGNATURE')), /no signature block/],
    ['half a signature', (content) => content.slice(0, -60), /no signature block/],
    ['not even text', () => '<html>Sign in</html>', /not a clear-signed/],
    ['nothing', () => '', /not a clear-signed/],
  ];
  test.each(
    tampered.map(([name, edit, problem, code = 'COGPLAN_SIGNATURE_INVALID']) => ({ name, edit, problem, code })),
  )('with $name is refused', async ({ edit, problem, code }) => {
    await expect(check(edit(good))).rejects.toMatchObject({ code });
    await expect(check(edit(good))).rejects.toThrow(problem);
  });
});

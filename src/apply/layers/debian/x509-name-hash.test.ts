import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { hashSubject } from './x509-name-hash.ts';

/** ISRG Root X2. */
const CERTIFICATE = [
  'MIICGzCCAaGgAwIBAgIQQdKd0XLq7qeAwSxs6S+HUjAKBggqhkjOPQQDAzBPMQswCQYDVQQGEwJVUzEpMCcGA1UEChMgSW50ZXJuZXQgU2VjdX',
  'JpdHkgUmVzZWFyY2ggR3JvdXAxFTATBgNVBAMTDElTUkcgUm9vdCBYMjAeFw0yMDA5MDQwMDAwMDBaFw00MDA5MTcxNjAwMDBaME8xCzAJBgNV',
  'BAYTAlVTMSkwJwYDVQQKEyBJbnRlcm5ldCBTZWN1cml0eSBSZXNlYXJjaCBHcm91cDEVMBMGA1UEAxMMSVNSRyBSb290IFgyMHYwEAYHKoZIzj',
  '0CAQYFK4EEACIDYgAEzZvVn4CDCuwJSvMWSj5cz3es3mcFDR0HttwW+1qLFNvicWDEukWVEYmO6gbf9yoWHKS5xcUy4APgHoIYOIvXRdgKam7m',
  'AHf7AlF9ItgKbppbd9/w+kHsOdx1ymgHDB/qo0IwQDAOBgNVHQ8BAf8EBAMCAQYwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUfEKWrt5LSD',
  'v6kviejM9ti6lyN5UwCgYIKoZIzj0EAwMDaAAwZQIwe3lORlCEwkSHRhtFcP9Ymd70/aTSVaYgLXTWNLxBo1BfASdWtL4ndQavEi51mI38AjEA',
  'i/V3bNTIZargCyzuFJ0nN6T5U6VR5CmD1/iQMVtCnwr1/q4AaOeMSQ+2b1tbFfLn',
].join('');

test('a certificate in use has the hash that OpenSSL gives it', () => {
  expect(hashSubject(Buffer.from(CERTIFICATE, 'base64'))).toBe('0b9bc432');
});

test.each([0, 1, 4, 60, 200, 500])('cut off after %d bytes it has none, or what its subject says', (length) => {
  const hash = hashSubject(Buffer.from(CERTIFICATE, 'base64').subarray(0, length));
  expect(hash === undefined || /^[0-9a-f]{8}$/.test(hash)).toBe(true);
});

test('what is no certificate has no hash', () => {
  expect(hashSubject(Buffer.from('30820fff', 'hex'))).toBeUndefined();
  expect(hashSubject(Buffer.from('hello'))).toBeUndefined();
});

describe('equals openssl x509 -subject_hash for', () => {
  test.each([
    ['white space and letters of both cases', '/C=DE/O=  Some   ORG  /CN=Example Root'],
    ['letters beyond ASCII', '/C=HU/O=Kft./CN=Főtanúsítvány ÄÖÜ'],
    ['several values in one set', '/C=DE/O=A+OU=B/CN=multi'],
    ['an empty subject', '/'],
    ['a long name', `/CN=${'x'.repeat(60)}/OU=${'y'.repeat(60)}/O=${'z'.repeat(60)}`],
  ])('%s', (_title, subject) => {
    const pem = execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-utf8',
        '-multivalue-rdn',
        '-keyout',
        '/dev/null',
        '-subj',
        subject,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const expected = execFileSync('openssl', ['x509', '-noout', '-subject_hash'], { input: pem }).toString().trim();
    const body = pem.toString().replace(/-----[^-]+-----|\s/g, '');
    expect(hashSubject(Buffer.from(body, 'base64'))).toBe(expected);
  });
});

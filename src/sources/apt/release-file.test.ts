import { describe, expect, test } from 'vitest';
import { checkReleaseFile, parseReleaseFile } from './release-file.ts';

const HASH = 'a'.repeat(64);
const TEXT = `Origin: Debian
Suite: oldstable
Codename: bookworm
Date: Sat, 11 Jul 2026 10:16:37 UTC
Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC
Acquire-By-Hash: yes
MD5Sum:
 ${'b'.repeat(32)}  12 main/binary-amd64/Packages
SHA256:
 ${HASH}     1234 main/binary-amd64/Packages
 ${HASH} 99 main/binary-amd64/Packages.xz
`;

test('a Release file gives its suite, dates and SHA256 table', () => {
  expect(parseReleaseFile(TEXT, 'x')).toEqual({
    codename: 'bookworm',
    suite: 'oldstable',
    date: new Date('2026-07-11T10:16:37Z'),
    validUntil: new Date('2026-07-18T10:16:37Z'),
    byHash: true,
    notAutomatic: false,
    files: new Map([
      ['main/binary-amd64/Packages', { sha256: HASH, size: 1234 }],
      ['main/binary-amd64/Packages.xz', { sha256: HASH, size: 99 }],
    ]),
  });
});

describe('refused are', () => {
  test.each([
    ['no date', TEXT.replace(/Date:.*\n/, ''), 'no field Date'],
    ['a date that is none', TEXT.replace('11 Jul 2026', '11 Foo 2026'), 'cannot read the date'],
    ['a date in another form', TEXT.replace(/Date:.*/, 'Date: 2026-07-11'), 'cannot read the date'],
    ['no SHA256 table', TEXT.replace('SHA256:', 'SHA512:'), 'no field SHA256'],
    ['a short hash', TEXT.replace(HASH, 'abc'), 'cannot read the SHA256 line'],
    ['a size beyond reason', TEXT.replace('1234', '9999999999999'), 'cannot read the SHA256 line'],
    ['a path with a blank', TEXT.replace('Packages.xz', 'Pack ages'), 'cannot read the SHA256 line'],
  ])('%s', (_, text, problem) => {
    expect(() => parseReleaseFile(text, 'x')).toThrow(problem);
  });

  const release = parseReleaseFile(TEXT, 'x');
  const fine = { suite: 'bookworm', now: new Date('2026-07-12T00:00:00Z'), notBefore: undefined, what: 'InRelease' };

  test.each([
    ['another suite', { suite: 'trixie' }, 'COGPLAN_ARCHIVE_MISMATCH'],
    ['one that is no longer valid', { now: new Date('2026-07-19T00:00:00Z') }, 'COGPLAN_ARCHIVE_EXPIRED'],
    ['one older than the lock has seen', { notBefore: new Date('2026-07-12T00:00:00Z') }, 'COGPLAN_ARCHIVE_ROLLBACK'],
  ])('%s', (_, change, code) => {
    expect(() => checkReleaseFile(release, { ...fine, ...change })).toThrow(expect.objectContaining({ code }));
    checkReleaseFile(release, fine);
    checkReleaseFile(release, { ...fine, suite: 'oldstable', notBefore: release.date });
  });
});

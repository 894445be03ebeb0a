import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../digest.ts';
import { END_OF_ARCHIVE, ENTRY_TIME, encodeHeader, paddingAfter, type TarMember } from './tar.ts';

const owner = { uid: 0, gid: 0 };
const long = `usr/share/${'a'.repeat(60)}/${'b'.repeat(60)}`;
const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');

const members: Readonly<Record<string, TarMember>> = {
  file: { ...owner, type: 'file', path: 'etc/hostname', mode: 0o644, size: 5 },
  emptyFile: { ...owner, type: 'file', path: 'etc/machine-id', mode: 0o444, size: 0 },
  directory: { ...owner, type: 'directory', path: 'tmp', mode: 0o1777 },
  symlink: { ...owner, type: 'symlink', path: 'bin', mode: 0, target: 'usr/bin' },
  hardlink: { ...owner, type: 'hardlink', path: 'usr/bin/perl5.36.0', mode: 0o755, target: 'usr/bin/perl' },
  owned: { type: 'file', path: 'usr/bin/expiry', mode: 0o2755, uid: 0, gid: 42, size: 1 },
  largestIds: { type: 'directory', path: 'd', mode: 0o755, uid: 0o7777777, gid: 0o7777777 },
  utf8: { ...owner, type: 'file', path: 'usr/share/Főtanúsítvány.crt', mode: 0o644, size: 0 },
  name100: { ...owner, type: 'file', path: 'n'.repeat(100), mode: 0o644, size: 0 },
  name101: { ...owner, type: 'file', path: 'n'.repeat(101), mode: 0o644, size: 0 },
  directory99: { ...owner, type: 'directory', path: 'd'.repeat(99), mode: 0o755 },
  directory100: { ...owner, type: 'directory', path: 'd'.repeat(100), mode: 0o755 },
  longLink: { ...owner, type: 'symlink', path: 'l', mode: 0o777, target: `/${long}` },
  longBoth: { ...owner, type: 'hardlink', path: `${long}2`, mode: 0o644, target: long },
  largestOctal: { ...owner, type: 'file', path: 'weights', mode: 0o644, size: 8 * 1024 ** 3 - 1 },
  beyondOctal: { ...owner, type: 'file', path: 'weights', mode: 0o644, size: 8 * 1024 ** 3 },
  capability: { ...owner, type: 'file', path: 'usr/bin/ping', mode: 0o755, size: 0, capability },
  everything: { ...owner, type: 'file', path: `${long}3`, mode: 0o755, size: 10 * 1024 ** 3, capability },
};

// Header length and sha256 of the header bytes. A changed row is another assembler number.
const golden: Readonly<Record<string, readonly [number, string]>> = {
  file: [512, 'ab13fafb8915690420ae2ba385247778e47f5fed3a572c401164a60ea60df371'],
  emptyFile: [512, 'f6ed7e3e7594eba76792ca657a0d8f7bed88b554beba58dbf8899646c72d09e1'],
  directory: [512, '97769b144714fe4be69cbefff59e6faf8599cc92abbc984215baa9603843f1ff'],
  symlink: [512, 'c4c95cc2d358db3102de286072e73992522f02bb4b0d1ca99191f01e2c889e95'],
  hardlink: [512, 'c7a4fa1af13a46a8137ee2543d6cf4d050772b79c4502b3c2cf88e1cf3fa99d5'],
  owned: [512, 'f54c3d0300369a057ec2ff9f4cd800890b699fcbf4e869c62d86b2ee54fb7f48'],
  largestIds: [512, 'ad5f6f7588b1ec0cb0709e353f6f0688704a68296ce8222d7c816e93e2e93f2d'],
  utf8: [512, '918a752411ed2d2a4c03e52ff342a071f5983e0eff8c82c636c68bfd6474c644'],
  name100: [512, '6cb893ea55b28c96e40b22b48cb61880ba9269fe0c76d0397e0237da3ba7ace6'],
  name101: [1536, 'b2197045583e114717e41bf547f174970a20c05528c1bec205415f30a184cb3e'],
  directory99: [512, '068befc6a994b9798530fefff0e62ecaa94533fd8df95f129d81c4b65ef1a2b2'],
  directory100: [1536, 'a52f9d7d67257f674b3b70824e04f7926a4064b52fee4de2a43ebb6e6964005a'],
  longLink: [1536, '5a87a69182cadeaf25027f2e030b1a71aa268cb8dceffa6307c1fe513c165b25'],
  longBoth: [1536, '282b4e2398b60bb4cf297f8f7f02e993bbd07f356fafdbccfa28c1a14b134e8b'],
  largestOctal: [512, '303ed3303fabe8a22c3ac4d5219fea74fb7488fa8296defbb01d0ebc781757e7'],
  beyondOctal: [1536, '1388795e0c867a34d5e0662ebdc7b0613cdfd7a3da5da461161da74e547f1d4c'],
  capability: [1536, '959dd15e9c35712333f249369122161887e961f00f4cbd9ff8420920a9d75746'],
  everything: [1536, '9f073a7ffc2bd3c00478edc3ac2eeeb088d513ad63aafcdd2d5262652fed06c1'],
};

describe('encodeHeader', () => {
  it.each(Object.entries(members))('holds the bytes of %s still', (name, member) => {
    const header = encodeHeader(member);
    expect([header.length, sha256(header)]).toEqual(golden[name]);
  });

  it('writes this profile, byte by byte', () => {
    const header = encodeHeader({ type: 'file', path: 'a/b', mode: 0o4755, uid: 7, gid: 8, size: 513 });
    const field = (start: number, length: number) => header.subarray(start, start + length).toString('latin1');
    expect(field(0, 5)).toBe('a/b\0\0');
    expect(field(100, 8)).toBe('0004755\0');
    expect(field(108, 8)).toBe('0000007\0');
    expect(field(116, 8)).toBe('0000010\0');
    expect(field(124, 12)).toBe('00000001001\0');
    expect(field(136, 12)).toBe('02263523001\0');
    expect(field(148, 8)).toMatch(/^[0-7]{6}\0 $/);
    expect(field(156, 1)).toBe('0');
    expect(field(157, 100)).toBe('\0'.repeat(100));
    expect(field(257, 8)).toBe('ustar\x0000');
    expect(field(265, 64)).toBe('\0'.repeat(64));
    expect(field(329, 16)).toBe('0000000\x000000000\0');
    expect(field(345, 167)).toBe('\0'.repeat(167));
  });

  it('writes PAX records in byte-wise order of their keys, with nothing of the process or the clock', () => {
    const header = encodeHeader(members.everything!);
    expect(header.length).toBe(512 + 512 + 512);
    expect(header.subarray(0, 10).toString('latin1')).toBe('PaxHeader\0');
    const records = header.subarray(512, 1024).toString('latin1');
    expect(records).toMatch(
      /^57 SCHILY\.xattr\.security\.capability=[\s\S]{20}\n\d+ path=usr\/share[^\n]*\n20 size=10737418240\n\0+$/,
    );
  });

  it.each([
    ['mode', { ...members.file!, mode: 0o10000 }],
    ['uid', { ...members.file!, uid: 0o10000000 }],
    ['gid', { ...members.file!, gid: -1 }],
    ['fractional size', { ...members.file!, size: 0.5 } as TarMember],
  ])('refuses a %s that does not fit', (_name, member) => {
    expect(() => encodeHeader(member)).toThrow(RangeError);
  });
});

describe('the archive as others read it', () => {
  let directory: string;
  let archive: string;
  const body = (member: TarMember) => (member.type === 'file' ? Buffer.alloc(member.size, 0x78) : Buffer.alloc(0));
  const sample: readonly TarMember[] = [
    { ...owner, type: 'directory', path: 'usr', mode: 0o755 },
    { ...owner, type: 'directory', path: 'usr/share', mode: 0o755 },
    { ...owner, type: 'directory', path: `usr/share/${'a'.repeat(60)}`, mode: 0o700 },
    { ...owner, type: 'file', path: long, mode: 0o640, size: 1000 },
    { ...owner, type: 'hardlink', path: `${long}2`, mode: 0o640, target: long },
    { ...owner, type: 'symlink', path: 'usr/share/link', mode: 0, target: `/${long}` },
    { ...owner, type: 'file', path: 'usr/share/ping', mode: 0o755, size: 3, capability },
    { ...owner, type: 'file', path: 'usr/share/ő.crt', mode: 0o644, size: 512 },
  ];

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'cogplan-tar-'));
    archive = join(directory, 'layer.tar');
    const parts = sample.flatMap((member) => {
      const content = body(member);
      return [encodeHeader(member), content, Buffer.alloc(paddingAfter(content.length))];
    });
    writeFileSync(archive, Buffer.concat([...parts, END_OF_ARCHIVE]));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('GNU tar lists it as written', () => {
    const listed = execFileSync('tar', ['--numeric-owner', '--utc', '--full-time', '-tvf', archive], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    const lines = listed.trim().split('\n');
    expect(lines).toHaveLength(sample.length);
    expect(lines.every((line) => line.includes(' 0/0 ') && line.includes('1980-01-01 00:00:01'))).toBe(true);
    expect(lines[3]).toMatch(/^-rw-r----- .* 1000 .*b$/);
    expect(lines[4]).toMatch(new RegExp(`^hrw-r-----.*2 link to ${long}$`));
    expect(lines[5]).toMatch(new RegExp(`^lrwxrwxrwx.*usr/share/link -> /${long}$`));
    expect(lines[7]).toContain('usr/share/ő.crt');
  });

  it('GNU tar extracts it', () => {
    execFileSync('tar', ['-C', directory, '-xf', archive]);
    expect(readFileSync(join(directory, `${long}2`), 'latin1')).toBe('x'.repeat(1000));
    expect(readFileSync(join(directory, 'usr/share/ő.crt'))).toHaveLength(512);
  });

  it('Python reads it, capability included', () => {
    const script = [
      'import json, sys, tarfile',
      'with tarfile.open(sys.argv[1]) as archive:',
      '    print(json.dumps([[m.name, m.mode, m.mtime, m.size, m.linkname,',
      '        m.pax_headers.get("SCHILY.xattr.security.capability", "").encode("utf-8", "surrogateescape").hex()] for m in archive]))',
    ].join('\n');
    const rows = JSON.parse(execFileSync('python3', ['-X', 'utf8', '-c', script, archive], { encoding: 'utf8' }));
    expect(rows).toEqual(
      sample.map((member) => [
        member.path,
        member.type === 'symlink' ? 0o777 : member.mode,
        ENTRY_TIME,
        member.type === 'file' ? member.size : 0,
        'target' in member ? member.target : '',
        member.type === 'file' && member.capability !== undefined ? capability.toString('hex') : '',
      ]),
    );
  });

  it('ends with two zero blocks and no more', () => {
    const bytes = readFileSync(archive);
    expect(bytes.length % 512).toBe(0);
    expect(bytes.subarray(-1024).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(-1536, -1024).some((byte) => byte !== 0)).toBe(true);
  });
});

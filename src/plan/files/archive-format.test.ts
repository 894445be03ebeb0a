import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { aZip } from '../../../test/builders/zip.ts';
import { archiveFormat } from './archive-format.ts';

const place = mkdtempSync(join(tmpdir(), 'archive-format-'));
afterAll(() => rmSync(place, { recursive: true }));

function formatOf(bytes: Uint8Array): string {
  const file = join(place, 'archive');
  writeFileSync(file, bytes);
  return archiveFormat(file, { what: '/opt (files[0])', where: { file: 'cogplan.yaml' } });
}

it.each([
  ['tar', []],
  ['tar.gz', ['-z']],
  ['tar.bz2', ['-j']],
  ['tar.xz', ['-J']],
  ['tar.zst', ['--zstd']],
])('%s by its bytes', (format, options) => {
  expect(formatOf(execFileSync('tar', ['-c', ...options, '-C', '/', 'etc/hostname']))).toBe(format);
});

it('a zip by its bytes', () => {
  expect(formatOf(aZip([{ name: 'a', content: 'b' }]))).toBe('zip');
});

it.each([
  ['a 7z archive', Buffer.from('377abcaf271c0004', 'hex')],
  ['a RAR archive', Buffer.from('526172211a070100', 'hex')],
  ['a RPM archive', Buffer.from('edabeedb0300', 'hex')],
  ['no archive', Buffer.from('<html>')],
  ['no archive', Buffer.alloc(0)],
])('%s is refused by name', (name, bytes) => {
  expect(() => formatOf(bytes)).toThrow(
    expect.objectContaining({ code: 'COGPLAN_ARCHIVE_INVALID', message: expect.stringContaining(name) }),
  );
});

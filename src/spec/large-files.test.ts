import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { largeFileNotices } from './large-files.ts';

it('warns of large files that are no weights, and tells those that Git does not keep', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'large-files-'));
  for (const name of ['a.bin', 'b.bin', 'own.bin', 'out.bin', 'small.bin']) {
    writeFileSync(join(directory, name), '');
    truncateSync(join(directory, name), name === 'small.bin' ? 99_999_999 : 100_000_000);
  }
  writeFileSync(join(directory, '.gitignore'), 'b.*\n');
  writeFileSync(join(directory, '.dockerignore'), 'out.bin\n');
  const where = { file: 'cog.yaml' };
  const sources = [
    { uri: './own.bin', include: [], exclude: [], where },
    { uri: 'hf://a/b', include: [], exclude: [], where },
  ];
  const weights = [{ name: 'own', target: '/src/own', place: 'image' as const, sources, where }];
  const notices = await largeFileNotices({ directory, weights });
  expect(notices.map(({ where: at }) => at?.file)).toEqual(['a.bin', 'b.bin']);
  expect(notices.map(({ text }) => [text.startsWith('100 MB'), text.includes('.gitignore')])).toEqual([
    [true, false],
    [true, true],
  ]);
  rmSync(directory, { recursive: true });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compareBytes } from './canonical.ts';
import { ERROR_CODES } from './error-codes.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const codes = Object.keys(ERROR_CODES);

function sources(folder: string, wanted: (name: string) => boolean): string {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

const program = sources(
  'src',
  (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'error-codes.ts',
);
const tests = `${sources('src', (name) => name.endsWith('.test.ts'))}\n${sources('test', (name) => name.endsWith('.ts'))}`;

function page(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { family, summary }]) => `| \`${code}\` | ${family} | ${summary} |`,
  );
  return `# Errors

Codes are contract, messages are not. Families: *input* is yours to change, *outside* is a server or the operating system,
*integrity* is bytes that are not what was locked, *bug* is ours.

| code | family | meaning |
|---|---|---|
${rows.join('\n')}
`;
}

describe('the table of error codes', () => {
  it('is sorted', () => {
    expect(codes).toEqual([...codes].sort(compareBytes));
  });

  it('holds only codes that the program uses', () => {
    expect(codes.filter((code) => !program.includes(`'${code}'`))).toEqual([]);
  });

  it('holds only codes that a test meets', () => {
    expect(codes.filter((code) => !tests.includes(code))).toEqual([]);
  });

  it('is what docs/errors.md shows (vitest -u writes it)', async () => {
    await expect(page()).toMatchFileSnapshot(join(ROOT, 'docs/errors.md'));
  });
});

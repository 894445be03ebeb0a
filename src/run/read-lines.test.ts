import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { readLines } from './read-lines.ts';

async function linesOf(...chunks: readonly (string | Buffer)[]): Promise<readonly string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  const done = readLines(stream, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await done;
  return lines;
}

test.each([
  [['one\ntwo\n'], ['one', 'two']],
  [['no end'], ['no end']],
  [
    ['in ', 'parts\nand', ' more\n'],
    ['in parts', 'and more'],
  ],
  [['10%\r50%\r100%\n'], ['10%', '50%', '100%']],
  [['dos\r\nlines\r\n'], ['dos', 'lines']],
  [[Buffer.from([0xc3]), Buffer.from([0xbc, 0x0a])], ['ü']],
])('%j is read as %j', async (chunks, lines) => {
  expect(await linesOf(...chunks)).toEqual(lines);
});

test('an endless line is cut', async () => {
  const lines = await linesOf('x'.repeat(40_000));
  expect(lines.map((line) => line.length)).toEqual([16_384, 16_384, 7232]);
});

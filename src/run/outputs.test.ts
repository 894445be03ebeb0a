import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../canonical.ts';
import { writeOutput } from './outputs.ts';

let place: string;
let before: string;
beforeEach(() => {
  before = process.cwd();
  place = mkdtempSync(join(tmpdir(), 'cogplan-outputs-'));
  process.chdir(place);
});
afterEach(() => {
  process.chdir(before);
  rmSync(place, { recursive: true, force: true });
});

async function write(schema: Json, output: Json, path?: string) {
  const printed: string[] = [];
  const openapi: Json = { components: { schemas: { Output: schema } } };
  const files = await writeOutput(output, openapi, { path, print: (text) => printed.push(text) });
  return { files, printed };
}

const FILE = { type: 'string', format: 'uri' };
const uri = (type: string, text: string) => `data:${type};base64,${Buffer.from(text).toString('base64')}`;

describe('what is no file is printed', () => {
  test.each<[Json, Json, string]>([
    [{ type: 'string' }, 'plain text\nin two lines', 'plain text\nin two lines'],
    [{ type: 'string' }, 'data:text/plain;base64,eA==', 'data:text/plain;base64,eA=='],
    [{ type: 'integer' }, 5, '5'],
    [{ type: 'object' }, { a: [1] }, '{\n  "a": [\n    1\n  ]\n}'],
    [{ type: 'array', items: { type: 'string' } }, ['a'], '[\n  "a"\n]'],
    [{ type: 'array', items: { type: 'string' }, 'x-cog-array-display': 'concatenate' }, ['a', 'b'], 'ab'],
    [{ type: 'string' }, null, 'No output generated'],
    [{ type: 'string' }, '\u001b[2Jx', '\ufffd[2Jx'],
  ])('%j: %j', async (schema, output, text) => {
    expect(await write(schema, output)).toEqual({ files: [], printed: [text] });
  });
});

describe('files', () => {
  test.each([
    ['image/png', 'output.png'],
    ['image/jpeg', 'output.jpg'],
    ['audio/mpeg', 'output.mp3'],
    ['application/x-unheard-of', 'output.bin'],
  ])('of type %s are written to %s', async (type, name) => {
    expect((await write(FILE, uri(type, 'content'))).files).toEqual([name]);
    expect(readFileSync(name, 'utf8')).toBe('content');
  });

  test('of a list are numbered', async () => {
    const { files } = await write({ type: 'array', items: FILE }, [uri('image/png', 'a'), uri('text/plain', 'b')]);
    expect(files).toEqual(['output.0.png', 'output.1.txt']);
  });

  test('go where -o says', async () => {
    expect((await write(FILE, uri('image/png', 'a'), join(place, 'x.webp'))).files).toEqual([join(place, 'x.webp')]);
    const list = await write({ type: 'array', items: FILE }, [uri('image/png', 'a')], 'y.png');
    expect(list.files).toEqual(['y.0.png']);
  });

  test('a type cannot choose another directory', async () => {
    await write(FILE, uri('image/../../evil', 'a'));
    expect(readdirSync(place)).toEqual(['output.bin']);
  });

  test('other addresses are printed', async () => {
    expect(await write(FILE, 'https://example.com/a.png')).toEqual({
      files: [],
      printed: ['https://example.com/a.png'],
    });
  });

  test('percent-encoded ones are decoded', async () => {
    await write(FILE, 'data:text/plain,a%20b');
    expect(readFileSync('output.txt', 'utf8')).toBe('a b');
  });
});

test('text goes to a file with -o', async () => {
  expect(await write({ type: 'string' }, 'text', 'out.txt')).toEqual({ files: ['out.txt'], printed: [] });
  expect(readFileSync('out.txt', 'utf8')).toBe('text');
});

test('a place that cannot be written to is named', async () => {
  await expect(write({ type: 'string' }, 'text', 'no/such/directory')).rejects.toMatchObject({
    code: 'COGPLAN_OUTPUT_FILE',
    subject: 'no/such/directory',
  });
});

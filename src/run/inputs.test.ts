import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../canonical.ts';
import { readInputs } from './inputs.ts';

const openapi: Json = {
  components: {
    schemas: {
      Color: { type: 'string', enum: ['red', 'green'] },
      Size: { type: 'integer', enum: [1, 2] },
      Input: {
        type: 'object',
        properties: {
          s: { type: 'string' },
          i: { type: 'integer' },
          f: { type: 'number' },
          b: { type: 'boolean' },
          file: { type: 'string', format: 'uri' },
          color: { allOf: [{ $ref: '#/components/schemas/Color' }] },
          size: { $ref: '#/components/schemas/Size' },
          words: { type: 'array', items: { type: 'string' } },
          numbers: { type: 'array', items: { type: 'integer' } },
          files: { type: 'array', items: { type: 'string', format: 'uri' } },
          either: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
          maybe: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
          object: { type: 'object' },
          anything: {},
        },
      },
    },
  },
};

let place: string;
let picture: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-inputs-'));
  picture = join(place, 'a.png');
  writeFileSync(picture, 'PNG');
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('words are read by the type of the input', () => {
  test.each<[readonly string[], Json]>([
    [['s=hello'], { s: 'hello' }],
    [['s='], { s: '' }],
    [['s=a=b'], { s: 'a=b' }],
    [['s=5'], { s: '5' }],
    [['s=true'], { s: 'true' }],
    [['s="@literally"'], { s: '@literally' }],
    [['s=["json"]'], { s: '["json"]' }],
    [['i=-12'], { i: -12 }],
    [['f=1e-3'], { f: 0.001 }],
    [['f=7'], { f: 7 }],
    [['b=true'], { b: true }],
    [['b=false'], { b: false }],
    [['color=green'], { color: 'green' }],
    [['size=2'], { size: 2 }],
    [['words=one'], { words: ['one'] }],
    [['words=one', 'words=two'], { words: ['one', 'two'] }],
    [['words=["a","b"]'], { words: ['a', 'b'] }],
    [['numbers=1', 'numbers=2'], { numbers: [1, 2] }],
    [['numbers=[3,4]'], { numbers: [3, 4] }],
    [['either=5'], { either: 5 }],
    [['either=five'], { either: 'five' }],
    [['maybe=5'], { maybe: 5 }],
    [['object={"a":{"b":1}}'], { object: { a: { b: 1 } } }],
    [['anything=x'], { anything: 'x' }],
    [['s=a', 'i=1'], { s: 'a', i: 1 }],
  ])('%j -> %j', async (words, input) => {
    expect(await readInputs(words, openapi)).toEqual(input);
  });
});

describe('files', () => {
  const uri = 'data:image/png;base64,UE5H';

  test('become data URIs of their type', async () => {
    expect(await readInputs([`file=@${picture}`], openapi)).toEqual({ file: uri });
  });

  test('also in lists, repeated or as JSON', async () => {
    expect(await readInputs([`files=@${picture}`], openapi)).toEqual({ files: [uri] });
    expect(await readInputs([`files=@${picture}`, `files=@${picture}`], openapi)).toEqual({ files: [uri, uri] });
    expect(await readInputs([`files=["@${picture}"]`], openapi)).toEqual({ files: [uri] });
  });

  test('that cannot be read are named', async () => {
    await expect(readInputs(['file=@/no/such/file'], openapi)).rejects.toMatchObject({
      code: 'COGPLAN_PREDICTION_INPUT',
      subject: 'file',
      message: expect.stringContaining('/no/such/file'),
    });
  });

  test('a device is not read, as it may never end; a pipe is', async () => {
    await expect(readInputs(['file=@/dev/zero'], openapi)).rejects.toMatchObject({
      code: 'COGPLAN_PREDICTION_INPUT',
      message: '/dev/zero of input "file" is a device, not a file',
    });
    await expect(readInputs([`file=@${place}`], openapi)).rejects.toMatchObject({
      message: `${place} of input "file" is a directory, not a file`,
    });
    const pipe = join(place, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [input] = await Promise.all([readInputs([`file=@${pipe}`], openapi), writeFile(pipe, 'x')]);
    expect(input).toEqual({ file: 'data:application/octet-stream;base64,eA==' });
  });
});

test.each<[readonly string[], string]>([
  [['nothing'], 'not of the form name=value'],
  [['=x'], 'not of the form name=value'],
  [['i=1.5'], 'must be integer, not "1.5"'],
  [['i=99999999999999999999'], 'must be integer'],
  [['f=abc'], 'must be number'],
  [['b=yes'], 'must be boolean'],
  [['color=blue'], 'must be one of "red", "green", not "blue"'],
  [['numbers=1', 'numbers=x'], 'must be integer, not "x"'],
  [['s=1', 's=2'], 'given 2 times'],
  [['object=[1]'], 'must be object'],
  [['maybe=x'], 'must be integer, not "x"'],
  [['other=1'], 'unknown input "other"; valid inputs are: s, i, f'],
])('%j is refused: %s', async (words, message) => {
  await expect(readInputs(words, openapi)).rejects.toMatchObject({
    code: 'COGPLAN_PREDICTION_INPUT',
    message: expect.stringContaining(message),
  });
});

test('a schema that refers to itself ends', async () => {
  const cyclic: Json = {
    components: {
      schemas: {
        Input: { properties: { x: { $ref: '#/components/schemas/X' } } },
        X: { $ref: '#/components/schemas/X' },
      },
    },
  };
  expect(await readInputs(['x=1'], cyclic)).toEqual({ x: '1' });
});

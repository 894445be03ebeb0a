import { describe, expect, test } from 'vitest';
import { sha256 } from '../../digest.ts';
import { projectUrl } from './simple-api.ts';
import { parseIndexPage } from './simple-index.ts';

const PAGE = 'https://index.test/simple/demo/';
const HASH = sha256('demo');
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';

const parse = (body: string | Uint8Array, contentType: string) =>
  parseIndexPage({ url: PAGE, contentType, body: Buffer.from(body) });
const html = (body: string) => parse(`<!DOCTYPE html><html><body>${body}</body></html>`, 'text/html; charset=utf-8');
const json = (files: readonly object[], version = '1.1') =>
  parse(JSON.stringify({ meta: { 'api-version': version }, name: 'demo', files }), JSON_TYPE);

test.each([
  ['https://index.test/simple', 'Demo_Name'],
  ['https://index.test/simple/', 'demo-name'],
  ['https://index.test/simple//', 'demo.name'],
])('%s: the page of %s', (index, name) => {
  expect(projectUrl(index, name)).toBe('https://index.test/simple/demo-name/');
});

test('the status of a project, where it is not active', async () => {
  const link = '<a href="demo-1.0-py3-none-any.whl">demo-1.0-py3-none-any.whl</a>';
  const page = (status: string) =>
    parse(
      `<html><head><meta name="pypi:project-status" content="${status}">
       <meta name="pypi:project-status-reason" content="stolen"></head><body>${link}</body></html>`,
      'text/html',
    );
  expect((await page('quarantined'))[0]?.project).toEqual({ status: 'quarantined', reason: 'stolen' });
  expect((await page('active'))[0]?.project).toBeUndefined();
  const document = {
    meta: { 'api-version': '1.4' },
    name: 'demo',
    files: [{ filename: 'demo-1.0-py3-none-any.whl', url: 'x' }],
  };
  const files = (status: unknown) => parse(JSON.stringify({ ...document, 'project-status': status }), JSON_TYPE);
  expect((await files({ status: 'archived' }))[0]?.project).toEqual({ status: 'archived' });
  expect((await files('nonsense'))[0]?.project).toBeUndefined();
});

describe('HTML', () => {
  test('everything that an anchor may tell', async () => {
    expect(
      await html(`<a href="../../files/demo-1.0-py3-none-any.whl#sha256=${HASH}" data-requires-python="&gt;=3.9,&lt;4"
        data-yanked="broken &amp; sad" data-core-metadata="sha256=${HASH}">demo-1.0-py3-none-any.whl</a><br/>`),
    ).toEqual([
      {
        filename: 'demo-1.0-py3-none-any.whl',
        url: 'https://index.test/files/demo-1.0-py3-none-any.whl',
        sha256: HASH,
        requiresPython: '>=3.9,<4',
        yanked: 'broken & sad',
        metadata: { sha256: HASH },
      },
    ]);
  });

  test.each([
    ['<a href="demo-1.0.tar.gz">demo-1.0.tar.gz</a>', { filename: 'demo-1.0.tar.gz', url: `${PAGE}demo-1.0.tar.gz` }],
    ['<A HREF=demo-1.0-py3-none-any.whl>x</A>', { filename: 'demo-1.0-py3-none-any.whl' }],
    ['<a href="demo-1.0%2Bcu12-py3-none-any.whl">', { filename: 'demo-1.0+cu12-py3-none-any.whl' }],
    ['<a href="demo-1.0-py3-none-any.whl" data-yanked>demo</a>', { yanked: '' }],
    ['<a href="demo-1.0-py3-none-any.whl" data-dist-info-metadata="true">demo</a>', { metadata: {} }],
    ['<a href="demo-1.0-py3-none-any.whl#md5=abc">demo</a>', { url: `${PAGE}demo-1.0-py3-none-any.whl` }],
    [
      '<base href="https://files.test/"><a href="demo-1.0-py3-none-any.whl">d</a>',
      { url: 'https://files.test/demo-1.0-py3-none-any.whl' },
    ],
    [
      '<a href="https://me:secret@files.test/demo-1.0-py3-none-any.whl">d</a>',
      { url: 'https://files.test/demo-1.0-py3-none-any.whl' },
    ],
    ['<a href="demo-1.0-py3-none-any.whl"><a href="demo-2.0.zip">two</a>', { filename: 'demo-1.0-py3-none-any.whl' }],
  ])('%s', async (body, expected) => {
    expect((await html(body))[0]).toMatchObject(expected);
  });

  test.each([
    '<a href="javascript:alert(1)">demo-1.0-py3-none-any.whl</a>',
    '<a href="http://[bad/demo-1.0-py3-none-any.whl">demo</a>',
    '<a href="..">parent</a>',
    '<a name="top">demo-1.0-py3-none-any.whl</a>',
    '<!-- <a href="demo-1.0-py3-none-any.whl">demo</a> -->',
    '',
  ])('%s lists nothing', async (body) => {
    expect(await html(body)).toEqual([]);
  });

  test('a malformed hash is no hash', async () => {
    expect((await html('<a href="demo-1.0-py3-none-any.whl#sha256=abc">d</a>'))[0]).not.toHaveProperty('sha256');
  });
});

describe('JSON', () => {
  test('everything that a file may tell', async () => {
    expect(
      await json([
        {
          filename: 'demo-1.0-py3-none-any.whl',
          url: '/files/demo-1.0-py3-none-any.whl',
          hashes: { sha256: HASH },
          size: 4,
          'requires-python': '>=3.9',
          yanked: 'broken',
          'core-metadata': { sha256: HASH },
          'upload-time': '2024-01-01T00:00:00Z',
        },
      ]),
    ).toEqual([
      {
        filename: 'demo-1.0-py3-none-any.whl',
        url: 'https://index.test/files/demo-1.0-py3-none-any.whl',
        sha256: HASH,
        size: 4,
        requiresPython: '>=3.9',
        yanked: 'broken',
        metadata: { sha256: HASH },
        uploadTime: '2024-01-01T00:00:00Z',
      },
    ]);
  });

  test.each([
    [{ yanked: true }, { yanked: '' }],
    [{ 'core-metadata': true }, { metadata: {} }],
    [{ 'dist-info-metadata': { sha256: HASH } }, { metadata: { sha256: HASH } }],
  ])('%j', async (more, expected) => {
    const [file] = await json([{ filename: 'd-1-py3-none-any.whl', url: 'd-1-py3-none-any.whl', hashes: {}, ...more }]);
    expect(file).toMatchObject(expected);
  });

  test('what is false or null is left out', async () => {
    const file = {
      filename: 'd-1.zip',
      url: 'd-1.zip',
      hashes: {},
      size: null,
      'requires-python': null,
      yanked: false,
    };
    expect(await json([{ ...file, 'core-metadata': false }])).toEqual([{ filename: 'd-1.zip', url: `${PAGE}d-1.zip` }]);
  });
});

test.each([
  ['a login page', '<form action="/login"><input type="password"></form><a href="/forgot">forgot</a>', 'text/html'],
  ['text that is not JSON', '{bad', JSON_TYPE],
  ['JSON of another shape', '{"message": "hello"}', 'application/json'],
  ['a new major version', '{"meta": {"api-version": "2.0"}, "files": []}', JSON_TYPE],
  ['another content type', 'hello', 'text/plain'],
  ['no content type', 'hello', ''],
])('%s is refused by name', async (_, body, type) => {
  await expect(parse(body, type)).rejects.toThrow(
    expect.objectContaining({ code: 'COGPLAN_INDEX_INVALID', subject: PAGE }),
  );
});

test('bytes that are not UTF-8 are refused', async () => {
  await expect(parse(Uint8Array.of(0xff, 0xfe), 'text/html')).rejects.toThrow(
    expect.objectContaining({ code: 'COGPLAN_INDEX_INVALID' }),
  );
});

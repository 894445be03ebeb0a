import { expect, test } from 'vitest';
import { blobUrl, formatReference, parseBlobUrl, parseReference } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}` as const;

test.each([
  ['ubuntu', 'docker.io/library/ubuntu:latest'],
  ['ubuntu:22.04', 'docker.io/library/ubuntu:22.04'],
  ['nvidia/cuda:12.4.1-base', 'docker.io/nvidia/cuda:12.4.1-base'],
  ['docker.io/ubuntu', 'docker.io/library/ubuntu:latest'],
  ['index.docker.io/library/ubuntu:1', 'docker.io/library/ubuntu:1'],
  ['localhost/model', 'localhost/model:latest'],
  ['localhost:5000/a/b/c:1', 'localhost:5000/a/b/c:1'],
  ['[::1]:5000/model', '[::1]:5000/model:latest'],
  ['registry.example/team/model@sha256:'.concat('a'.repeat(64)), `registry.example/team/model@${digest}`],
  [`ghcr.io/x/y:1@${digest}`, `ghcr.io/x/y:1@${digest}`],
  ['team/sub/model', 'docker.io/team/sub/model:latest'],
])('%s is %s', (text, full) => {
  expect(formatReference(parseReference(text))).toBe(full);
  expect(formatReference(parseReference(full))).toBe(full);
});

test.each([
  '',
  'UPPER/Case',
  'a:b:c',
  'http://registry.example/x',
  'registry.example/../x',
  'registry.example/x@sha256:123',
  'user:pw@registry.example/x',
  '/x',
  'x/',
  'x y',
  `a${'/b'.repeat(200)}`,
])('%j names no image', (text) => {
  expect(() => parseReference(text)).toThrowError(expect.objectContaining({ code: 'COGPLAN_REFERENCE_INVALID' }));
});

test('a blob keeps its place in a lock', () => {
  const url = blobUrl({ registry: 'docker.io', repository: 'library/ubuntu' }, digest);
  expect(url).toBe(`oci://docker.io/library/ubuntu@${digest}`);
  expect(parseBlobUrl(url)?.image).toEqual({ registry: 'docker.io', repository: 'library/ubuntu', digest });
  expect(parseBlobUrl('oci://docker.io/x')).toBeUndefined();
  expect(parseBlobUrl(`https://docker.io/x@${digest}`)).toBeUndefined();
});

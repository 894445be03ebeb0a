import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { aWheelFile } from '../../../test/builders/wheel.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { sha256 } from '../../digest.ts';
import type { Tool } from '../../lock/schema.generated.ts';
import { uvExecutable } from './uv-tool.ts';

const HOSTS = ['linux/amd64', 'linux/arm64', 'darwin/amd64', 'darwin/arm64'];
let server: HttpTestServer;
let context: TestContext;

beforeEach(async () => {
  server = await startHttpServer();
  context = await aContext();
});
afterEach(async () => {
  await server.close();
  context.dispose();
});

/** A wheel like uv's on the server, as the tool of every host. */
function publish(files: Readonly<Record<string, string>>): readonly Tool[] {
  const { bytes } = aWheelFile({ name: 'uv', version: '9.9.9', files });
  server.answer('/uv.whl', { body: bytes });
  const file = { url: `${server.url}/uv.whl`, sha256: sha256(bytes), size: bytes.length };
  return HOSTS.map((host) => ({ name: 'uv', version: '9.9.9', host, file }));
}

test('the executable is taken out of its wheel once', async () => {
  const tools = publish({ 'uv-9.9.9.data/scripts/uv': '#!/bin/sh\n' });
  const path = await uvExecutable(context, tools);
  expect(readFileSync(path, 'utf8')).toBe('#!/bin/sh\n');
  expect(statSync(path).mode & 0o100).toBe(0o100);
  expect(await uvExecutable(context.offline(), tools)).toBe(path);
  expect(server.requests).toHaveLength(1);
});

test('a host without a build is told which hosts have one', async () => {
  const tools = publish({}).map((tool) => ({ ...tool, host: 'plan9/mips' }));
  await expect(uvExecutable(context, tools)).rejects.toMatchObject({
    code: 'COGPLAN_HOST_UNSUPPORTED',
    hint: expect.stringContaining('plan9/mips'),
  });
});

test.each([
  ['a wheel without the executable', {}, 'COGPLAN_WHEEL_INVALID'],
  ['other bytes than the table names', undefined, 'COGPLAN_HASH_MISMATCH'],
])('%s', async (_, files, code) => {
  const tools = publish(files ?? { 'uv-9.9.9.data/scripts/uv': 'good' });
  if (files === undefined) server.answer('/uv.whl', { body: Buffer.alloc(tools[0]!.file.size) });
  await expect(uvExecutable(context, tools)).rejects.toMatchObject({ code });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Applied } from '../../src/apply/apply.ts';
import { type PushedIndex, pushIndex } from '../../src/apply/outputs/registry-index.ts';
import type { Context } from '../../src/context.ts';
import { silentHost, startSpan } from '../../src/events.ts';
import type { Platform } from '../../src/lock/platform.ts';
import { createHttpClient } from '../../src/sources/http/undici-client.ts';
import { parseReference } from '../../src/sources/oci/reference.ts';
import { openRegistry } from '../../src/sources/oci/registry.ts';
import { readTagMembers } from '../../src/sources/oci/tag-members.ts';
import { applied } from '../builders/applied.ts';
import { aContext, type TestContext } from '../builders/context.ts';
import { file, layerTar } from '../builders/registry-image.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { type RegistryTestServer, startRegistry } from '../servers/registry.ts';

/*
 * Machines of different kinds that join one tag at the same time, on Debian's docker-registry: each has its own connections.
 */

const TWO_MINUTES = 120_000;

let registry: RegistryTestServer;
let home: string;
let base: TestContext;
const machines: Context[] = [];

beforeAll(async () => {
  registry = await startRegistry();
  home = mkdtempSync(join(tmpdir(), 'join-tag-'));
  base = await aContext({ HOME: home, PATH: process.env.PATH ?? '' });
  for (let machine = 0; machine < 4; machine++) machines.push(aMachine(machine));
});
afterAll(async () => {
  for (const { http } of machines) await http.close();
  await base.http.close();
  base.dispose();
  rmSync(home, { recursive: true, force: true });
  await registry.stop();
});

function aMachine(number: number): Context {
  const http = createHttpClient({
    cacheDirectory: join(home, `cache-${number}`),
    env: base.env,
    offline: false,
    userAgent: 'cogplan-test',
    now: () => new Date(),
  });
  return { ...base, http };
}

async function imageFor(platform: string, content: string): Promise<Applied> {
  return {
    ...(await applied(base, [layerTar([file('platform', `${platform} ${content}`)])])),
    platform: platform as Platform,
  };
}

/** `platform digest` of what was pushed, as the tag should name it. */
function membersOf(...results: readonly PushedIndex[]): readonly string[] {
  return results.flatMap(({ images }) => images.map((image) => `${image.platform} ${image.manifestDigest}`)).sort();
}

function push(context: Context, image: Applied, name: string, isJoining = true) {
  const reference = parseReference(name);
  const span = startSpan(silentHost, 'push', 'push');
  return pushIndex(context, [image], { reference, join: isJoining, span });
}

async function namedBy(name: string): Promise<readonly string[]> {
  const reference = parseReference(name);
  const { members } = await readTagMembers(
    await openRegistry(base, reference, { access: 'pull' }),
    reference.tag ?? '',
  );
  return members.map(({ os, architecture, digest }) => `${os}/${architecture} ${digest}`).sort();
}

const PLATFORMS = ['linux/amd64', 'linux/arm64', 'linux/riscv64', 'linux/s390x'];

test.each([
  [2, 8],
  [4, 4],
])(
  '%i machines that join a tag at the same time are all in it, in each of %i rounds',
  async (count, rounds) => {
    const platforms = PLATFORMS.slice(0, count);
    for (let round = 0; round < rounds; round++) {
      // Every other time over a tag that has them all already, of an older state.
      const name = `${registry.host}/team/joined-${count}:${Math.floor(round / 2)}`;
      const images = await Promise.all(platforms.map((platform) => imageFor(platform, `${count} ${round}`)));
      const results = await Promise.all(images.map((image, at) => push(machines[at] as Context, image, name)));
      expect(await namedBy(name)).toEqual(membersOf(...results));
      expect(results.flatMap(({ images: own }) => own.map(({ platform }) => platform))).toEqual(platforms);
    }
  },
  TWO_MINUTES,
);

test('an image that another overwrites after it was seen is joined again, and the result names what the tag has then', async () => {
  const name = `${registry.host}/team/overwritten:1`;
  const first = await imageFor('linux/amd64', 'first');
  const second = await imageFor('linux/arm64', 'second');
  const proxy = await startFaultProxy(registry.port);
  // So that only the index is left to push.
  await push(machines[0] as Context, first, `${registry.host}/team/overwritten:0`);
  try {
    // It has read that there is no tag before the other writes, and writes later.
    proxy.fail(/^PUT .*\/manifests\/1$/, { kind: 'slow', milliseconds: 200 });
    const slow = push(aMachine(9), second, `${proxy.host}/team/overwritten:1`);
    while (!proxy.requests.some(({ method, path }) => method === 'PUT' && path.endsWith('/manifests/1')))
      await new Promise((resolve) => setTimeout(resolve, 1));
    const result = await push(machines[0] as Context, first, name);
    const other = await slow;
    expect(await namedBy(name)).toEqual(membersOf(result, other));
    expect(result.joined).toEqual(['linux/arm64']);
  } finally {
    await proxy.close();
  }
});

test('another push of the same platform, later, stays', async () => {
  const name = `${registry.host}/team/later:1`;
  const older = await imageFor('linux/amd64', 'older');
  const newer = await imageFor('linux/amd64', 'newer');
  const first = push(machines[0] as Context, older, name);
  while ((await namedBy(name)).length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const later = await push(machines[1] as Context, newer, name, false);
  await first;
  expect(await namedBy(name)).toEqual(membersOf(later));
});

test(
  'a tag that others write all the time is told, and not fought for without end',
  async () => {
    const name = `${registry.host}/team/contended:1`;
    const ours = await imageFor('linux/amd64', 'ours');
    const theirs = await imageFor('linux/arm64', 'theirs');
    let isOver = false;
    const others = (async () => {
      while (!isOver) await push(machines[1] as Context, theirs, name, false);
    })();
    await expect(push(machines[0] as Context, ours, name)).rejects.toMatchObject({
      code: 'COGPLAN_REGISTRY_TAG_CONTENDED',
    });
    isOver = true;
    await others;
  },
  TWO_MINUTES,
);

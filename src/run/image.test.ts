import { afterAll, beforeAll, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../test/builders/context.ts';
import { readImage } from './image.ts';

let context: TestContext;

beforeAll(async () => {
  context = await aContext();
});
afterAll(() => context.dispose());

async function imageOf(config: unknown): Promise<string> {
  return (await context.store.put(Buffer.from(JSON.stringify(config)))).sha256;
}

const diffId = 'a'.repeat(64);

it('reads command, environment and layers', async () => {
  const id = await imageOf({
    config: { Env: ['A=b=c', 'EMPTY='], Entrypoint: ['/sbin/tini', '--'], Cmd: ['python'], WorkingDir: '/src' },
    rootfs: { diff_ids: [`sha256:${diffId}`] },
  });
  expect(await readImage(context, `sha256:${id}`)).toMatchObject({
    argv: ['/sbin/tini', '--', 'python'],
    env: { A: 'b=c', EMPTY: '' },
    workdir: '/src',
    layers: [diffId],
  });
});

it.each<[string, unknown]>([
  ['that names no command', { config: {}, rootfs: { diff_ids: [] } }],
  ['whose layers are no digests', { config: { Cmd: ['sh'] }, rootfs: { diff_ids: ['../../etc/passwd'] } }],
  ['that is something else', { schemaVersion: 2 }],
])('refuses an image %s', async (_name, config) => {
  const id = await imageOf(config);
  await expect(readImage(context, id)).rejects.toMatchObject({ code: 'COGPLAN_IMAGE_UNUSABLE' });
});

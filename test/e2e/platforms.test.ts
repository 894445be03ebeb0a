import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RegistryTestServer, startRegistry } from '../servers/registry.ts';
import { cogplan, cogplanJson, copyExample, inDirectory, type Receipt, ROOT, readLock } from './cogplan.ts';

/* One project for two processors: under one tag, in one layout, and joined by machines that each make one. arm64 is composed without running anything. */

const HALF_AN_HOUR = 1_800_000;

interface Receipts {
  readonly images: readonly (Receipt & { readonly platform: string })[];
  readonly indexDigest?: string;
  readonly pushes: readonly {
    readonly kind: string;
    readonly indexDigest: string;
    readonly sent: number;
    readonly joined: readonly string[];
    readonly images: readonly { readonly platform: string; readonly manifestDigest: string }[];
  }[];
}

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly platform: Readonly<Record<string, string>> }[];
}

let registry: RegistryTestServer;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.stop());

function skopeo(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('skopeo', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`skopeo ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const inspect = (architecture: string, place: string): { readonly Architecture: string; readonly Layers: string[] } =>
  JSON.parse(skopeo('inspect', '--override-arch', architecture, '--tls-verify=false', place));

const indexOf = (name: string): Index =>
  JSON.parse(skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`));

test(
  'images of all platforms of a lock are one index in a registry and in a layout, the same each time, and every reader finds its own',
  () =>
    inDirectory(async (directory) => {
      const project = copyExample('hello-world', directory);
      await cogplanJson(['lock', project, '--yes', '--platform', 'linux/arm64']);
      const name = `${registry.host}/team/both:1`;
      const layout = join(directory, 'layout');
      const all = ['apply', project, '--platform', 'all', '--no-bytecode'];
      const { images, pushes } = await cogplanJson<Receipts>([...all, '-o', `oci:${layout}`, '-o', `registry:${name}`]);
      expect(images.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64']);
      expect(new Set(images.map(({ imageId }) => imageId)).size).toBe(2);
      expect(readLock(project).targets['linux/amd64']?.seals).not.toHaveLength(0);
      expect(readLock(project).targets['linux/arm64']?.seals).not.toHaveLength(0);

      const { manifests } = indexOf(name);
      expect(manifests.map(({ platform }) => platform)).toEqual([
        { architecture: 'amd64', os: 'linux' },
        { architecture: 'arm64', os: 'linux' },
      ]);
      expect(manifests.map(({ digest }) => digest)).toEqual(pushes[0]?.images.map((image) => image.manifestDigest));
      for (const architecture of ['amd64', 'arm64'])
        for (const place of [`docker://${name}`, `oci:${layout}:latest`]) {
          const found = inspect(architecture, place);
          expect([found.Architecture, found.Layers.length]).toEqual([architecture, images[0]?.layers.length]);
        }
      skopeo('copy', '--all', `oci:${layout}:latest`, `dir:${join(directory, 'copied')}`);

      const ajv = new Ajv2020.default({ strict: true });
      const schema = (file: string) => JSON.parse(readFileSync(join(ROOT, 'lockfiles/schema', file), 'utf8'));
      ajv.addSchema(schema('receipt.json'));
      const receipts = JSON.parse(readFileSync(join(layout, 'cogplan-receipt.json'), 'utf8')) as Receipts;
      expect(ajv.validate(schema('receipts.json'), receipts), ajv.errorsText()).toBe(true);
      expect(receipts.images.map(({ imageId }) => imageId)).toEqual(images.map(({ imageId }) => imageId));

      // In the other order, and a second time: the same bytes, and nothing is sent.
      const list = ['--platform', 'linux/arm64,linux/amd64', '--no-bytecode'];
      const again = await cogplanJson<Receipts>(['push', '-C', project, ...list, name]);
      expect([again.pushes[0]?.sent, again.pushes[0]?.indexDigest]).toEqual([0, pushes[0]?.indexDigest]);

      // What reads images reads those of an index.
      for (const platform of ['linux/amd64', 'linux/arm64'])
        expect(await cogplan(['audit', project, '--platform', platform, '--image', name])).toMatchObject({ status: 0 });
      expect((await cogplan(['diff', '--detailed-exitcode', `registry:${name}`, project])).status).toBe(0);
      expect((await cogplan(['diff', '--detailed-exitcode', `oci:${layout}`, project])).status).toBe(0);

      // Each machine of its own kind: what the tag has for others stays.
      const joined = `${registry.host}/team/joined:1`;
      const one = (platform: string) =>
        cogplanJson<Receipts>(['push', '-C', project, '--platform', platform, '--no-bytecode', '--join', joined]);
      // A plain image is taken into the index.
      await cogplanJson(['push', '-C', project, '--no-bytecode', '--platform', 'linux/amd64', joined]);
      expect((await one('linux/arm64')).pushes[0]?.joined).toEqual(['linux/amd64']);
      expect(indexOf(joined)).toEqual(indexOf(name));
      expect((await one('linux/amd64')).pushes[0]).toMatchObject({ joined: ['linux/arm64'], sent: 0 });
      expect(indexOf(joined)).toEqual(indexOf(name));
      const { pushes: fresh } = await cogplanJson<Receipts>([
        'push',
        '-C',
        project,
        '--platform',
        'linux/arm64',
        '--no-bytecode',
        '--join',
        `${registry.host}/team/new:1`,
      ]);
      expect(fresh[0]).toMatchObject({ kind: 'registry-index', joined: [] });

      // A layout of one platform again: nothing of the other stays.
      await cogplanJson(['apply', project, '--platform', 'linux/arm64', '--no-bytecode', '-o', `oci:${layout}`]);
      expect(inspect('arm64', `oci:${layout}`).Architecture).toBe('arm64');
      expect(JSON.parse(readFileSync(join(layout, 'cogplan-receipt.json'), 'utf8'))).toMatchObject({
        imageId: images[1]?.imageId,
      });
    }),
  HALF_AN_HOUR,
);

test('outputs of one image take one platform, and are refused before anything is built', () =>
  inDirectory(async (directory) => {
    const project = copyExample('hello-world', directory);
    const refusal = async (...args: readonly string[]): Promise<{ code: string; message: string }> => {
      const { status, stdout } = await cogplan(['apply', project, ...args, '--json']);
      expect(status).toBe(1);
      return (JSON.parse(stdout) as { error: { code: string; message: string } }).error;
    };
    const both = ['--platform', 'linux/amd64,linux/arm64'];
    for (const output of [`tar:${join(directory, 'x.tar')}`, 'docker:x'])
      expect(await refusal(...both, '-o', output)).toMatchObject({
        code: 'COGPLAN_OUTPUT_INVALID',
        message: expect.stringContaining('holds one image, not 2'),
      });
    expect(await refusal('--join', '-o', `oci:${join(directory, 'x')}`)).toMatchObject({
      code: 'COGPLAN_OUTPUT_INVALID',
    });
    expect(await refusal('--platform', 'linux/riscv64')).toMatchObject({ code: 'COGPLAN_USAGE' });
    expect(await refusal(...both, '-o', `oci:${join(directory, 'y')}`)).toMatchObject({
      code: 'COGPLAN_PLATFORM_NOT_LOCKED',
    });
  }));

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  applyFresh,
  cogplan,
  cogplanJson,
  copyExample,
  inDirectory,
  type Receipt,
  type RunOptions,
  readLock,
  storeOf,
} from './cogplan.ts';

const HALF_AN_HOUR = 1_800_000;
/** Debian's `nobody`: an account that owns nothing and may do nothing. */
const NOBODY = 65534;

let expected: Receipt;

beforeAll(async () => {
  await inDirectory(async (directory) => {
    expected = await applyFresh(copyExample('hello-world', directory));
  });
}, HALF_AN_HOUR);

interface Variation {
  readonly name: string;
  readonly options: RunOptions;
  readonly order?: 'backward';
  readonly deepPath?: boolean;
}

const variations: readonly Variation[] = [
  { name: 'in another directory', options: {}, deepPath: true },
  { name: 'in another time zone', options: { env: { TZ: 'Asia/Kathmandu' } } },
  { name: 'with Turkish case rules', options: { env: { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } } },
  { name: 'with umask 077', options: { prefix: ['sh', '-c', 'umask 077; exec "$@"', 'sh'] } },
  { name: 'on one CPU', options: { prefix: ['taskset', '-c', '0'] } },
  { name: 'from a store filled in another order', options: {}, order: 'backward' },
];

async function applyCold(project: string, directory: string, variation: Variation): Promise<Receipt> {
  const store = storeOf(readLock(project), join(directory, 'store'), variation.order);
  return cogplanJson<Receipt>(['apply', project], { ...variation.options, store });
}

describe('the same lock gives the same image', () => {
  it.each(variations)(
    '$name',
    async (variation) => {
      await inDirectory(async (directory) => {
        const parent = variation.deepPath ? join(directory, 'a', 'path with spaces', 'ünïcode') : directory;
        mkdirSync(parent, { recursive: true });
        const project = copyExample('hello-world', parent);
        await applyFresh(project);
        expect(await applyCold(project, directory, variation)).toEqual(expected);
      });
    },
    HALF_AN_HOUR,
  );

  it(
    'for a user who is not root',
    async () => {
      expect(process.getuid?.(), 'this test changes users, so it runs as root').toBe(0);
      await inDirectory(async (directory) => {
        const project = copyExample('hello-world', directory);
        await applyFresh(project);
        const store = storeOf(readLock(project), join(directory, 'store'));
        // Links to the shared blobs cannot change hands: this user gets files of their own.
        cpSync(store, `${store}-own`, { recursive: true });
        spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, `${store}-own`, project]);
        chownSync(directory, NOBODY, NOBODY);
        chmodSync(directory, 0o755);
        const receipt = await cogplanJson<Receipt>(['apply', project], {
          store: `${store}-own`,
          env: { HOME: directory },
          prefix: ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'],
          cwd: directory,
        });
        expect(receipt).toEqual(expected);
      });
    },
    HALF_AN_HOUR,
  );

  it(
    'under a newer Node',
    async () => {
      await inDirectory(async (directory) => {
        const install = spawnSync(
          'npm',
          ['install', '--prefix', directory, '--no-save', '--no-audit', '--no-fund', 'node@24'],
          {
            cwd: directory,
            encoding: 'utf8',
          },
        );
        expect(install.status, install.stderr).toBe(0);
        const node = join(directory, 'node_modules/node/bin/node');
        const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout;
        expect(Number(version.slice(1).split('.')[0])).toBeGreaterThan(Number(process.versions.node.split('.')[0]));
        const project = copyExample('hello-world', directory);
        await applyFresh(project);
        expect(await applyCold(project, directory, { name: version, options: { node } })).toEqual(expected);
      });
    },
    HALF_AN_HOUR,
  );
});

describe('the seal law', () => {
  it(
    'is held by a lock made in this run: an audit reproduces every seal',
    async () => {
      await inDirectory(async (directory) => {
        const project = copyExample('hello-world', directory);
        renameSync(join(project, 'cogplan.lock'), join(directory, 'committed.lock'));
        await cogplanJson(['lock', project, '--yes']);
        const receipt = await cogplanJson<Receipt>(['apply', project]);
        expect(readLock(project).targets['linux/amd64']!.seals.length).toBe(
          receipt.layers.filter((layer) => layer.family !== 'source').length,
        );
        const { status, stdout } = await cogplan(['audit', project, '--json']);
        const report = JSON.parse(stdout);
        expect(report.layers.filter((layer: { status: string }) => layer.status !== 'same')).toEqual([]);
        expect(status).toBe(0);
      });
    },
    HALF_AN_HOUR,
  );
});

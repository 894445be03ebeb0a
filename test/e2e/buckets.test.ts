import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Context } from '../../src/context.ts';
import { sha256 } from '../../src/digest.ts';
import { resolveWeights } from '../../src/plan/weights/resolve.ts';
import { fetchArtifacts } from '../../src/sources/fetch-artifacts.ts';
import type { WeightSet } from '../../src/spec/spec.ts';
import { type LoopbackContext, loopbackContext } from '../builders/loopback-context.ts';
import { type GcsServer, startGcs } from '../servers/gcs.ts';
import { type MotoServer, startMoto } from '../servers/moto.ts';
import { cogplan, cogplanJson, inDirectory, type Receipt, readLock } from './cogplan.ts';

const CANARY = 'canary0123456789canary';
const BIG = Buffer.alloc(3_000_000, 'weights');
const OBJECTS = { 'm/a.bin': BIG, 'm/sub dir/b+c.bin': 'two', 'm/d.txt': 'three', 'm-other/x': 'no', one: 'single' };

let moto: MotoServer;
let gcs: GcsServer;
let own: LoopbackContext;

beforeAll(async () => {
  moto = await startMoto();
  await moto.put('weights', OBJECTS);
  gcs = await startGcs(CANARY);
  for (const [key, body] of Object.entries(OBJECTS)) gcs.objects.set(key, Buffer.from(body));
  gcs.objects.set('m/', Buffer.alloc(0));
  own = await loopbackContext();
});
afterAll(async () => {
  moto.close();
  await gcs.close();
  await own.close();
});

const S3 = () => ({
  AWS_ENDPOINT_URL: moto.url,
  AWS_ACCESS_KEY_ID: CANARY,
  AWS_SECRET_ACCESS_KEY: CANARY,
  HOME: '/nonexistent',
});
const GCS = () => ({ STORAGE_EMULATOR_HOST: gcs.url, GOOGLE_OAUTH_ACCESS_TOKEN: CANARY });

function lock(context: Context, uri: string, rest: Partial<WeightSet> = {}) {
  const where = { file: 'cog.yaml', line: 1 };
  const sources = [{ uri, include: [], exclude: ['*.txt'], where }];
  const set: WeightSet = { name: 'w', target: '/src/w', place: 'image', sources, where, ...rest };
  return resolveWeights(context, { directory: own.directory, sets: [set], previous: [], upgrade: false });
}

it.each([
  ['s3', S3],
  ['gs', GCS],
])('%s: a prefix is locked by hash, and fetched into another store with what was locked', async (scheme, env) => {
  const context = { ...own.context, env: env() };
  const [set] = await lock(context, `${scheme}://weights/m`);
  expect(set?.files).toEqual([
    {
      path: 'a.bin',
      file: { url: `${scheme}://weights/m/a.bin`, sha256: sha256(BIG), size: BIG.length, computed: true },
    },
    {
      path: 'sub dir/b+c.bin',
      file: { url: `${scheme}://weights/m/sub%20dir/b%2Bc.bin`, sha256: sha256('two'), size: 3, computed: true },
    },
  ]);
  expect((await lock(context, `${scheme}://weights/one`))[0]?.files.map(({ path }) => path)).toEqual(['one']);

  const other = await loopbackContext();
  const artifacts = (set?.files ?? []).map(({ path, file }) => ({ file, what: path }));
  await fetchArtifacts({ ...other.context, env: env() }, artifacts);
  for (const { file } of artifacts) expect(await other.context.store.stat(file.sha256)).toBeDefined();
  const events = JSON.stringify([own.events, other.events, set]);
  expect(events.includes(CANARY)).toBe(false);
  for (const { directory } of [own, other]) {
    for (const name of await readdir(directory, { recursive: true, withFileTypes: true })) {
      if (name.isFile()) expect((await readFile(join(name.parentPath, name.name))).includes(CANARY)).toBe(false);
    }
  }
  await other.close();
});

it('an object that was replaced after it was locked is an error with both hashes', async () => {
  const env = S3();
  await moto.put('changing', { 'f.bin': 'before' });
  const [set] = await lock({ ...own.context, env }, 's3://changing/f.bin');
  await moto.put('changing', { 'f.bin': 'after!' });
  const other = await loopbackContext();
  const artifacts = (set?.files ?? []).map(({ path, file }) => ({ file, what: path }));
  await expect(fetchArtifacts({ ...other.context, env }, artifacts)).rejects.toMatchObject({
    code: 'COGPLAN_HASH_MISMATCH',
    message: expect.stringMatching(new RegExp(`${sha256('before')}.*${sha256('after!')}`)),
  });
  await other.close();
});

it('the credentials file gives what the environment does not, by profile', async () => {
  const { awsSettings } = await import('../../src/sources/buckets/aws-settings.ts');
  mkdirSync(join(own.directory, '.aws'), { recursive: true });
  writeFileSync(
    join(own.directory, '.aws/credentials'),
    '[default]\naws_access_key_id = A\naws_secret_access_key = B\n[lab]\naws_access_key_id=C\naws_secret_access_key=D\naws_session_token=E\n',
  );
  writeFileSync(join(own.directory, '.aws/config'), '[profile lab]\nregion = eu-west-1\ns3 =\n  region = no\n');
  expect(awsSettings({ HOME: own.directory })).toMatchObject({ credentials: { accessKeyId: 'A' }, region: undefined });
  expect(awsSettings({ HOME: own.directory, AWS_PROFILE: 'lab' })).toEqual({
    credentials: { accessKeyId: 'C', secretAccessKey: 'D', sessionToken: 'E' },
    region: 'eu-west-1',
    endpoint: undefined,
  });
});

it('the machine gives a token when there is no other; without one the bucket refuses', async () => {
  const env = { STORAGE_EMULATOR_HOST: gcs.url };
  await expect(lock({ ...own.context, env }, 'gs://weights/m')).rejects.toMatchObject({
    code: 'COGPLAN_BUCKET_REFUSED',
  });
  const host = gcs.url.replace('http://', '');
  const [set] = await lock({ ...own.context, env: { ...env, GCE_METADATA_HOST: host } }, 'gs://weights/m');
  expect(set?.files.length).toBe(2);
});

it('what no bucket holds, what speaks no such API and what a container cannot fetch is refused by code', async () => {
  const context = { ...own.context, env: S3() };
  await expect(lock(context, 's3://weights/none')).rejects.toMatchObject({ code: 'COGPLAN_BUCKET_MISSING' });
  await expect(lock(context, 's3://nobucket/x')).rejects.toMatchObject({ code: 'COGPLAN_BUCKET_MISSING' });
  await expect(lock(context, 'gcs://weights/m', { place: 'startup' })).rejects.toMatchObject({
    code: 'COGPLAN_WEIGHTS_SOURCE',
  });
  const wrong = { ...own.context, env: { ...S3(), AWS_ENDPOINT_URL: `${moto.url}/moto-api/data.json?` } };
  await expect(lock(wrong, 's3://weights/m')).rejects.toMatchObject({ code: 'COGPLAN_BUCKET_INVALID' });
});

it('an object that is not of the size that its listing tells is not locked', async () => {
  gcs.objects.set('m/a.bin', Buffer.from('short, for now'));
  const send: Context['http']['send'] = async (url, options) => {
    const answer = await own.context.http.send(url, options);
    gcs.objects.set('m/a.bin', BIG);
    return answer;
  };
  const lying = { ...own.context, env: GCS(), http: { ...own.context.http, send } };
  await expect(lock(lying, 'gs://weights/m/a.bin')).rejects.toMatchObject({
    code: 'COGPLAN_BUCKET_CHANGED',
  });
});

it('cogplan add weights locks a bucket, keeps comments, and tells nobody the credentials', async () => {
  await inDirectory(async (directory) => {
    const project = join(directory, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'cog.yaml'), 'build:\n  python_version: "3.11"\nrun: "predict.py:P"\n');
    writeFileSync(
      join(project, 'predict.py'),
      'from cog import BasePredictor\nclass P(BasePredictor):\n    def run(self) -> str:\n        return "a"\n',
    );
    writeFileSync(join(project, 'cogplan.yaml'), '# of the lab\nnetwork: none\n');
    const env = { ...S3(), HOME: process.env.HOME ?? '/root' };
    const failed = await cogplan(['add', 'weights', 's3://weights/none', '--project', project, '--yes'], { env });
    expect([failed.status, failed.stderr]).toEqual([1, expect.stringContaining('COGPLAN_BUCKET_MISSING')]);
    expect(await readFile(join(project, 'cogplan.yaml'), 'utf8')).toBe('# of the lab\nnetwork: none\n');
    const added = await cogplan(['add', 'weights', 's3://weights/m', '--project', project, '--yes'], { env });
    expect([added.status, added.stderr]).toEqual([0, expect.not.stringContaining('error')]);
    expect(await readFile(join(project, 'cogplan.yaml'), 'utf8')).toBe(
      '# of the lab\nnetwork: none\nweights:\n  - source: s3://weights/m\n    target: /src/weights/m\n',
    );
    expect(readLock(project).targets['linux/amd64']?.weights[0]?.files.length).toBe(3);
    const written = await readFile(join(project, 'cogplan.lock'), 'utf8');
    for (const text of [written, added.stdout, added.stderr, failed.stdout, failed.stderr]) {
      expect(text).not.toContain(CANARY);
    }
  });
});

it('what a bucket holds is fetched when the server starts, with the credentials of the container', async () => {
  await inDirectory(async (directory) => {
    const project = join(directory, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'cog.yaml'), 'build:\n  python_version: "3.11"\nrun: "predict.py:P"\n');
    writeFileSync(join(project, 'predict.py'), MODEL);
    const sets = ['s3', 'gs'].map(
      (scheme) => `  - {source: "${scheme}://weights/m", target: /src/${scheme}, place: startup}\n`,
    );
    writeFileSync(join(project, 'cogplan.yaml'), `weights:\n${sets.join('')}`);
    const env = { ...S3(), ...GCS(), HOME: process.env.HOME ?? '/root' };
    const locked = await cogplan(['lock', project, '--yes'], { env });
    expect([locked.status, locked.stderr.includes(CANARY)]).toEqual([0, false]);
    const { layers } = await cogplanJson<Receipt>(['apply', project]);
    expect(layers.filter(({ family }) => family === 'weights').map(({ layer }) => layer)).toEqual(['weights']);

    const { HOME: _, ...given } = env;
    const variables = Object.entries(given).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const run = await cogplan(['predict', project, '--json', ...variables]);
    expect([run.status, run.stderr.includes(CANARY)]).toEqual([0, false]);
    const hashes = { 'a.bin': sha256(BIG), 'd.txt': sha256('three'), 'sub dir/b+c.bin': sha256('two') };
    const { output } = JSON.parse(run.stdout) as { output: Record<string, string> };
    expect(output).toEqual(
      Object.fromEntries(
        ['s3', 'gs'].flatMap((scheme) =>
          Object.entries(hashes).map(([path, hash]) => [`/src/${scheme}/${path}`, hash] as const),
        ),
      ),
    );

    const without = ['-e', `STORAGE_EMULATOR_HOST=${gcs.url}`, '-e', `AWS_ENDPOINT_URL=${gcs.url}`];
    const refused = await cogplan(['predict', project, '--json', ...without]);
    const { error } = JSON.parse(refused.stdout) as { error: { code: string; message: string } };
    expect([refused.status, error.code]).toEqual([1, 'COGPLAN_SETUP_FAILED']);
    expect(error.message).toMatch(/from gs:\/\/weights\/m\/\S+: the bucket answers 401 without credentials/);
  });
});

const MODEL = `import hashlib, os
from typing import Dict
from cog import BasePredictor

class P(BasePredictor):
    def run(self) -> Dict[str, str]:
        found = {}
        for top in ("/src/s3", "/src/gs"):
            for folder, _, names in os.walk(top):
                for name in names:
                    path = os.path.join(folder, name)
                    with open(path, "rb") as stream:
                        found[path] = hashlib.sha256(stream.read()).hexdigest()
        return found
`;

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { watchProcesses } from '../programs/watch-processes.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { publishRepository } from '../servers/hub.ts';
import { publishWheels } from '../servers/package-index.ts';
import { CLI, cogplan, inDirectory, type Result, readLock } from './cogplan.ts';

/** One for each place; none is a part of another. */
const CANARIES = { index: 'canary-index-5d1f', step: 'canary-step-9ac2', hub: 'canary-hub-77e0' };
const ENCODED = Buffer.from(`user:${CANARIES.index}`).toString('base64');
const TEXTS = [...Object.values(CANARIES), ENCODED];

let hub: HttpTestServer;
let objects: HttpTestServer;
let index: HttpTestServer;

beforeAll(async () => {
  [hub, objects, index] = await Promise.all([startHttpServer(), startHttpServer(), startHttpServer()]);
});
afterAll(() => Promise.all([hub, objects, index].map((server) => server.close())));

const env = () => ({
  HF_ENDPOINT: hub.url,
  HF_TOKEN: CANARIES.hub,
  COGPLAN_INDEX_PRIVATE_USERNAME: 'user',
  COGPLAN_INDEX_PRIVATE_PASSWORD: CANARIES.index,
  COGPLAN_SECRET_TOKEN: CANARIES.step,
});

function write(project: string): void {
  publishWheels(index, [{ name: 'secretive', version: '1.0', files: { 'secretive.py': 'WORD = "hi"\n' } }], {
    credentials: `user:${CANARIES.index}`,
  });
  publishRepository(hub, {
    name: 'owner/private',
    token: CANARIES.hub,
    objects,
    files: { 'model.safetensors': randomBytes(200_000), 'config.json': '{}' },
  });
  mkdirSync(project);
  writeFileSync(
    join(project, 'cog.yaml'),
    `build:
  python_version: "3.11"
  python_packages: [secretive]
  run:
    - command: test "$(cat /run/secrets/token)" != "" && wc -c < /run/secrets/token > /opt/length
      mounts: [{type: secret, id: token, target: /run/secrets/token}]
run: "predict.py:Predictor"
weights:
  - name: private
    source: {uri: "hf://owner/private"}
    target: /src/models/private
`,
  );
  writeFileSync(
    join(project, 'cogplan.yaml'),
    `indexes:\n  - {name: private, url: "${index.url}/simple", packages: [secretive]}\n`,
  );
  writeFileSync(
    join(project, 'predict.py'),
    'import secretive\n\n\nclass Predictor:\n    def run(self) -> str:\n        return secretive.WORD\n',
  );
}

/** Files below a directory that hold one of the texts, plain, or as base64 has it. */
function filesWith(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    return TEXTS.filter((text) => bytes.includes(text) || path.includes(text)).map((text) => `${path}: ${text}`);
  });
}

function told(results: readonly Result[]): readonly string[] {
  const output = results.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  return TEXTS.filter((text) => output.includes(text));
}

it('tokens of an index, a hub and a step are in nothing that is written, told, or to be seen of the processes', async () => {
  await inDirectory(async (directory) => {
    const project = join(directory, 'project');
    write(project);
    const store = join(directory, 'store');
    const results: Result[] = [];
    const run = async (...args: string[]): Promise<Result> => {
      const result = await cogplan(args, { env: env(), store, cwd: project });
      results.push(result);
      if (result.status !== 0) throw new Error(`${args.join(' ')}: ${result.stdout}${result.stderr}`);
      return result;
    };
    const watch = watchProcesses(TEXTS, (command) => command.includes(CLI));
    await run('lock', '--yes');
    await run('lock', '--yes', '--json');
    await run('plan', '--upgrade', '--json');
    await run('lock', '--explain-run');
    const first = JSON.parse((await run('apply', '--json')).stdout) as { layers: readonly { layer: string }[] };
    expect(first.layers.some(({ layer }) => layer.includes('private'))).toBe(true);
    await run('apply', '-o', `tar:${join(directory, 'image.tar')}`);
    await run('predict', '--json');
    for (const format of ['pylock', 'requirements', 'cyclonedx', 'spdx']) {
      await run('export', '--format', format, '-o', join(directory, `exported.${format}`));
    }
    await run('weights', 'status', '--json');
    await run('weights', 'verify');
    await run('weights', 'export');
    await run('audit', '--json');
    // A wheel that the store has lost is fetched again, with the credentials of its index.
    const wheel = readLock(project).targets['linux/amd64']?.python.packages.find(({ name }) => name === 'secretive');
    rmSync(join(store, 'blobs/sha256', wheel?.file.sha256 ?? ''));
    await run('audit', '--json');
    await run('store', 'list');
    const { seen, commands } = watch.stop();
    expect(seen).toEqual([]);
    // Programs were seen at all: the resolver and the sandbox.
    expect([...commands].map((path) => path.split('/').pop())).toEqual(expect.arrayContaining(['uv', 'bwrap']));
    expect(told(results)).toEqual([]);
    expect(filesWith(directory)).toEqual([]);
    // Each was asked for, and given to nobody but its host.
    const sent = (server: HttpTestServer) => server.requests.map(({ headers }) => headers.authorization);
    expect(sent(hub)).toContain(`Bearer ${CANARIES.hub}`);
    expect(sent(index)).toContain(`Basic ${ENCODED}`);
    expect(sent(objects).filter((value) => value !== undefined)).toEqual([]);
    expect([...sent(index), ...sent(objects)].some((value) => value?.includes(CANARIES.hub))).toBe(false);
    rmSync(store, { recursive: true, force: true });
  });
});

it('errors of an index, a hub and a step do not tell the tokens either', async () => {
  await inDirectory(async (directory) => {
    const project = join(directory, 'project');
    write(project);
    const run = (change: Readonly<Record<string, string>>, ...args: string[]) =>
      cogplan([...args, '--yes'], { env: { ...env(), ...change }, cwd: project });
    const results = [
      await run({ HF_TOKEN: `${CANARIES.hub}-wrong` }, 'lock'),
      await run({ HF_TOKEN: `${CANARIES.hub}-wrong` }, 'lock', '--json'),
      await run({ COGPLAN_INDEX_PRIVATE_PASSWORD: `${CANARIES.index}-wrong` }, 'lock'),
      await run({ COGPLAN_INDEX_PRIVATE_PASSWORD: `${CANARIES.index}-wrong` }, 'lock', '--json'),
    ];
    expect(results.map(({ status }) => status)).toEqual([1, 1, 1, 1]);
    expect(results[0]?.stderr).toContain('COGPLAN_HUB_REFUSED');
    const leaking = readFileSync(join(project, 'cog.yaml'), 'utf8').replace(
      'wc -c < /run/secrets/token > /opt/length',
      'cat /run/secrets/token && cat /run/secrets/token >&2 && exit 3',
    );
    writeFileSync(join(project, 'cog.yaml'), leaking);
    const failed = [await run({}, 'lock')];
    if (failed[0]?.status === 0) {
      for (const flags of [[], ['--json']]) {
        failed.push(await cogplan(['apply', ...flags], { env: env(), cwd: project }));
      }
    }
    expect(failed.at(-1)?.status).toBe(1);
    expect(told([...results, ...failed])).toEqual([]);
    expect(filesWith(project)).toEqual([]);
  });
});

import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { interleave } from './lib/measure.mjs';
import { ROOT } from './lib/workspace.mjs';

const LAYER_BYTES = 5_000_000_000;
const LAYER = '5'.repeat(64);
const MOST_SENT = 1_000_000;

/** A push of an image on a base of 5 GB, one file edited, to Debian's docker-registry on this machine. */
export const measurement = {
  name: 'registry',
  async run({ workspace, runs, log }) {
    const directory = workspace.output('registry');
    const registry = await startRegistry(directory);
    try {
      const base = workspace.example('hello-world');
      await workspace.fill(base);
      await workspace.cogplan(['push', '-C', base, `${registry.host}/team/base:1`, '--quiet']);
      const project = workspace.copy(base, 'on-large-base');
      rmSync(join(project, 'cogplan.lock'));
      writeFileSync(join(project, 'cogplan.yaml'), `base: ${registry.host}/team/base:1\n`);
      await workspace.cogplan(['lock', '--yes', '--quiet', project]);
      await putLargeLayer(directory, project, registry.host);
      const push = () =>
        workspace.cogplan(['push', '-C', project, '--no-bytecode', '--json', `${registry.host}/team/model:1`]);
      await push();
      const edit = () => appendFileSync(join(project, 'predict.py'), '# one more line\n');
      const measure = async () => {
        const { seconds, stdout } = await push();
        const [{ sent }] = JSON.parse(stdout).pushes;
        if (sent > MOST_SENT) throw new Error(`the push sent ${sent} bytes`);
        return seconds;
      };
      const samples = await interleave([{ key: 'push edited', prepare: edit, measure }], { runs, log });
      return [
        {
          id: 'push-edited',
          what: '`push` of an image of 5 GB after one edited source line, under 1 MB sent and no byte of the base read',
          unit: 's',
          ours: samples.get('push edited'),
          bar: { kind: 'ours', most: 2, unit: 's' },
        },
      ];
    } finally {
      await registry.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** A layer that only the registry has, in a sparse file, and only as far as its size. */
async function putLargeLayer(directory, project, host) {
  const data = join(directory, 'data/docker/registry/v2');
  const blob = join(data, `blobs/sha256/55/${LAYER}`);
  const link = join(data, `repositories/team/base/_layers/sha256/${LAYER}`);
  for (const path of [blob, link]) mkdirSync(path, { recursive: true });
  writeFileSync(join(blob, 'data'), '');
  truncateSync(join(blob, 'data'), LAYER_BYTES);
  writeFileSync(join(link, 'link'), `sha256:${LAYER}`);
  const { formatLock } = await import(join(ROOT, 'dist/lock/write-lock.js'));
  const path = join(project, 'cogplan.lock');
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  lock.targets['linux/amd64'].base.layers.unshift({
    file: { url: `oci://${host}/team/base@sha256:${LAYER}`, sha256: LAYER, size: LAYER_BYTES },
    compression: 'none',
    diffId: `sha256:${LAYER}`,
    size: LAYER_BYTES,
  });
  writeFileSync(path, formatLock(lock));
}

async function startRegistry(directory) {
  const port = await freePort();
  const lines = [
    'version: 0.1',
    'log: {level: error, accesslog: {disabled: true}}',
    `storage: {filesystem: {rootdirectory: ${join(directory, 'data')}}}`,
    `http: {addr: 127.0.0.1:${port}, secret: bench}`,
  ];
  writeFileSync(join(directory, 'config.yml'), `${lines.join('\n')}\n`);
  const server = spawn('docker-registry', ['serve', join(directory, 'config.yml')], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}/v2/`;
  for (
    let tries = 0;
    !(await fetch(url)
      .then(({ ok }) => ok)
      .catch(() => false));
    tries++
  ) {
    if (tries > 200 || server.exitCode !== null) throw new Error('docker-registry did not start');
    await sleep(50);
  }
  return {
    host: `127.0.0.1:${port}`,
    stop: async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      await ended;
    },
  };
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DockerEngine, startDockerEngine } from '../servers/dockerd.ts';
import { freePort } from '../servers/free-port.ts';
import { applyFresh, cogplanJson, copyExample, inDirectory, type Receipt, ROOT } from './cogplan.ts';

const HALF_AN_HOUR = 1_800_000;

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  expect(status, `${command} ${args.join(' ')}\n${stderr}`).toBe(0);
  return stdout;
}

describe('an OCI layout made by apply', () => {
  it(
    'is read by skopeo and unpacked by umoci',
    async () => {
      await inDirectory(async (directory) => {
        const project = copyExample('hello-world', directory);
        await applyFresh(project);
        const layout = join(directory, 'layout');
        const receipt = await cogplanJson<Receipt>(['apply', project, '-o', `oci:${layout}`]);

        const inspected = JSON.parse(run('skopeo', 'inspect', `oci:${layout}`));
        expect(inspected.Digest).toBe(receipt.manifestDigest);
        expect(inspected.Layers).toEqual(receipt.layers.map((layer) => layer.diffId));
        run('skopeo', 'copy', `oci:${layout}`, `docker-archive:${join(directory, 'copy.tar')}:hello:1`);

        const tag = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests[0].annotations[
          'org.opencontainers.image.ref.name'
        ];
        const bundle = join(directory, 'bundle');
        run('umoci', 'unpack', '--rootless', '--image', `${layout}:${tag}`, bundle);
        expect(existsSync(join(bundle, 'rootfs/src/predict.py'))).toBe(true);
        expect(existsSync(join(bundle, 'rootfs/usr/bin/python3.11'))).toBe(true);
      });
    },
    HALF_AN_HOUR,
  );
});

describe('a Docker Engine', () => {
  let engine: DockerEngine;

  beforeAll(async () => {
    engine = await startDockerEngine();
  });

  afterAll(async () => {
    await engine.stop();
  });

  it(
    'loads the image under the ID that apply tells, and runs it: the OCR example reads its sample',
    async () => {
      await inDirectory(async (directory) => {
        const project = copyExample('ocr', directory);
        await applyFresh(project);
        const receipt = await cogplanJson<Receipt>(['apply', project, '-o', 'docker:cogplan-ocr:test'], {
          env: { DOCKER_HOST: engine.host },
        });
        expect(engine.docker('image', 'inspect', '--format', '{{.Id}}', 'cogplan-ocr:test').stdout.trim()).toBe(
          receipt.imageId,
        );

        const port = await freePort();
        const started = engine.docker(
          ...['run', '--detach', '--network', 'host', '--env', `PORT=${port}`, 'cogplan-ocr:test'],
        );
        expect(started.status, started.stderr).toBe(0);
        const container = started.stdout.trim();
        try {
          await untilReady(`http://127.0.0.1:${port}`, () => engine.docker('logs', container).stderr);
          const image = readFileSync(join(ROOT, 'examples/ocr/sample.png')).toString('base64');
          const response = await fetch(`http://127.0.0.1:${port}/predictions`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ input: { image: `data:image/png;base64,${image}` } }),
          });
          const prediction = (await response.json()) as { status: string; output: { lines: { text: string }[] } };
          expect(prediction.status).toBe('succeeded');
          expect(prediction.output.lines.map((line) => line.text)).toContain('INVOICE 2041');
        } finally {
          engine.docker('rm', '--force', container);
        }
      });
    },
    HALF_AN_HOUR,
  );

  it(
    'takes the tar file too',
    async () => {
      await inDirectory(async (directory) => {
        const project = copyExample('hello-world', directory);
        await applyFresh(project);
        const file = join(directory, 'image.tar');
        const receipt = await cogplanJson<Receipt>(['apply', project, '-o', `tar:${file}`]);
        const loaded = engine.docker('load', '--input', file);
        expect(loaded.status, loaded.stderr).toBe(0);
        expect(engine.docker('image', 'inspect', receipt.imageId).status).toBe(0);
      });
    },
    HALF_AN_HOUR,
  );
});

async function untilReady(url: string, logs: () => string): Promise<void> {
  for (let tries = 0; tries < 2400; tries++) {
    const status = await fetch(`${url}/health-check`)
      .then((response) => response.json() as Promise<{ status: string }>)
      .catch(() => undefined);
    if (status?.status === 'READY') return;
    await sleep(250);
  }
  throw new Error(`the server did not become ready:\n${logs()}`);
}

import { execFile, spawn } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const VERSION = '5.2.5';

export interface MotoServer {
  readonly url: string;
  put(bucket: string, objects: Readonly<Record<string, Uint8Array | string>>): Promise<void>;
  close(): void;
}

/** An S3 host on loopback: moto, from PyPI, in a directory that later runs find again. */
export async function startMoto(): Promise<MotoServer> {
  const folder = join(tmpdir(), `cogplan-test-moto-${VERSION}-packages`);
  if (!existsSync(folder)) await install(folder);
  const port = await freePort();
  const server = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: { ...process.env, PYTHONPATH: folder },
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    if (
      await fetch(`${url}/moto-api/`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break;
    if (tries > 3000 || server.exitCode !== null) throw new Error('moto does not start');
    await sleep(100);
  }
  // Without a signer it lets no object be replaced; whether the signature fits it does not look at.
  const authorization =
    'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0';
  const send = async (path: string, body?: Uint8Array | string): Promise<void> => {
    const answer = await fetch(`${url}${path}`, {
      method: 'PUT',
      headers: { authorization },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  return {
    url,
    put: async (bucket, objects) => {
      await send(`/${bucket}`);
      for (const [key, body] of Object.entries(objects)) {
        await send(`/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`, body);
      }
    },
    close: () => void server.kill(),
  };
}

async function install(folder: string): Promise<void> {
  const run = promisify(execFile);
  const partial = `${folder}.${process.pid}`;
  const wanted = `moto[server,s3]==${VERSION}`;
  const options = ['-q', '--disable-pip-version-check', '--retries', '10', '--target', partial];
  await run('pip3', ['install', ...options, wanted]);
  try {
    renameSync(partial, folder);
  } catch (error) {
    // Another test file was quicker.
    if (!existsSync(folder)) throw error;
    rmSync(partial, { recursive: true });
  }
}

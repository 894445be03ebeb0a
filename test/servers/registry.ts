import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { startTokenServer, type TokenServer } from './token-server.ts';

export interface RegistryTestServer {
  /** `127.0.0.1:PORT`, as references name it. */
  readonly host: string;
  readonly port: number;
  /** Directory of its storage. */
  readonly storage: string;
  /** Of a registry that asks for tokens. */
  readonly tokens: TokenServer | undefined;
  stop(): Promise<void>;
}

export interface RegistryAccount {
  readonly username: string;
  readonly password: string;
}

export interface RegistryTestOptions {
  /** `password`: Basic with htpasswd. `token`: bearer tokens of a token server. Absent: open to all. */
  readonly auth?: 'password' | 'token';
  readonly account?: RegistryAccount;
  /** Where blobs are kept; absent: a directory that goes with the server. */
  readonly root?: string;
}

export const ACCOUNT: RegistryAccount = { username: 'ada', password: 'correct:horse' };

/** Debian's `docker-registry` on 127.0.0.1, with its storage in a temporary directory. */
export async function startRegistry(options: RegistryTestOptions = {}): Promise<RegistryTestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'registry-'));
  const account = options.account ?? ACCOUNT;
  const port = await freePort();
  const tokens = options.auth === 'token' ? await startTokenServer(directory, account) : undefined;
  writeFileSync(join(directory, 'config.yml'), configOf(directory, port, { options, account, tokens }));
  const server = spawn('docker-registry', ['serve', join(directory, 'config.yml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  let log = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = `${log}${text}`.slice(-8000);
    });
  }
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries > 3600 || server.exitCode !== null) throw new Error(`docker-registry did not start:\n${log}`);
    await sleep(50);
  }
  return {
    host: `127.0.0.1:${port}`,
    port,
    storage: options.root ?? join(directory, 'data'),
    tokens,
    stop: async () => {
      await end(server);
      await tokens?.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function configOf(
  directory: string,
  port: number,
  parts: {
    readonly options: RegistryTestOptions;
    readonly account: RegistryAccount;
    readonly tokens: TokenServer | undefined;
  },
): string {
  const { options, account, tokens } = parts;
  const lines = [
    'version: 0.1',
    'log: {level: warn, accesslog: {disabled: true}}',
    `storage: {filesystem: {rootdirectory: ${options.root ?? join(directory, 'data')}}, delete: {enabled: true}}`,
    `http: {addr: 127.0.0.1:${port}, secret: test}`,
  ];
  if (options.auth === 'password') {
    const made = spawnSync('htpasswd', ['-Bbn', account.username, account.password], { encoding: 'utf8' });
    writeFileSync(join(directory, 'htpasswd'), made.stdout);
    lines.push(`auth: {htpasswd: {realm: test, path: ${join(directory, 'htpasswd')}}}`);
  }
  if (tokens !== undefined) {
    lines.push(
      `auth: {token: {realm: "${tokens.url}", service: ${tokens.service}, issuer: ${tokens.issuer}, rootcertbundle: ${tokens.certificate}}}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/v2/`).then(
    (answer) => answer.status === 200 || answer.status === 401,
    () => false,
  );
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await ended;
}

import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Sandbox, SandboxRequest } from '../apply/sandbox/sandbox.ts';
import type { Context } from '../context.ts';
import { silentHost } from '../events.ts';
import { openStore } from '../store/open-store.ts';
import { predict } from './predict.ts';
import { serve } from './serve.ts';

/** A sandbox that runs nothing: a server in this process answers on the socket that the container was given. */
class FakeSandbox implements Sandbox {
  readonly kind = 'bubblewrap';
  readonly requests: SandboxRequest[] = [];
  readonly signals: NodeJS.Signals[] = [];
  running = 0;
  /** Called for each request to the server; a number ends the process with that code. */
  answer: (request: IncomingMessage, body: string) => { readonly status?: number; readonly body: unknown } | number =
    () => 1;
  prints: readonly string[] = [];
  /** Ends by itself before it listens. */
  exitsWith: number | undefined;
  stubborn = false;

  async start(request: SandboxRequest) {
    this.requests.push(request);
    this.running++;
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    let end = (_code: number): void => {};
    let server: Server | undefined;
    const exited = new Promise<number>((resolve) => {
      end = (code) => {
        server?.closeAllConnections();
        server?.close();
        stdout.end();
        stderr.end();
        if (this.running > 0) this.running--;
        resolve(code);
      };
    });
    for (const line of this.prints) stderr.write(`${line}\n`);
    if (this.exitsWith !== undefined) {
      end(this.exitsWith);
    } else {
      server = createServer(async (incoming, outgoing) => {
        const answer = this.answer(incoming, await text(incoming));
        if (typeof answer === 'number') return end(answer);
        outgoing.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
        outgoing.end(JSON.stringify(answer.body));
      });
      const shared = request.binds.find(({ guest }) => guest === '/run/cogplan')?.host ?? '';
      server.listen(request.env.COG_SERVER_UDS?.replace('/run/cogplan', shared));
    }
    const kill = (signal: NodeJS.Signals): void => {
      this.signals.push(signal);
      if (signal === 'SIGKILL' || !this.stubborn) end(signal === 'SIGKILL' ? 137 : 0);
    };
    return { pid: 1, stdin, stdout, stderr, exited, kill };
  }
}

const OPENAPI = {
  components: {
    schemas: {
      Input: { properties: { text: { type: 'string' }, n: { type: 'integer' } }, required: ['text'] },
      Output: { type: 'string' },
    },
  },
};

let place: string;
let context: Context;
let abort: AbortController;
let imageId: string;
let sandbox: FakeSandbox;
let posted: unknown;

async function layer(files: Readonly<Record<string, string>>) {
  const packer = pack();
  for (const [name, body] of Object.entries(files)) packer.entry({ name, mode: 0o644 }, body);
  packer.finalize();
  return (await context.store.put(await buffer(packer))).sha256;
}

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'cogplan-run-'));
  abort = new AbortController();
  context = {
    host: silentHost,
    store: await openStore(join(place, 'store')),
    http: undefined as never,
    env: {},
    signal: abort.signal,
    concurrency: 1,
    now: () => new Date(0),
  };
  const layers = [await layer({ 'usr/bin/python': 'x', 'etc/hosts': '' }), await layer({ 'src/predict.py': 'source' })];
  const config = {
    config: { Env: ['PATH=/usr/bin', 'A=b=c'], Entrypoint: ['/sbin/tini', '--'], Cmd: ['python'], WorkingDir: '/src' },
    rootfs: { type: 'layers', diff_ids: layers.map((hash) => `sha256:${hash}`) },
  };
  imageId = `sha256:${(await context.store.put(Buffer.from(JSON.stringify(config)))).sha256}`;
  posted = undefined;
  sandbox = new FakeSandbox();
  sandbox.answer = ({ url }, body) => {
    if (url === '/health-check') return { body: { status: 'READY' } };
    if (url === '/openapi.json') return { body: OPENAPI };
    posted = JSON.parse(body);
    return { body: { status: 'succeeded', output: 'hello world', id: 'p1' } };
  };
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const run = (more: Partial<Parameters<typeof predict>[1]> = {}) =>
  predict(context, {
    applied: { imageId },
    sandbox,
    inputs: ['text=world'],
    network: 'none',
    setupTimeoutMs: 2000,
    ...more,
  });

describe('predict', () => {
  test('posts the inputs, prints the output and stops the server', async () => {
    const printed: string[] = [];
    const result = await run({ onOutput: (line) => printed.push(line) });
    expect(posted).toEqual({ input: { text: 'world' } });
    expect(printed).toEqual(['hello world']);
    expect(result).toMatchObject({
      succeeded: true,
      prediction: { status: 'succeeded', output: 'hello world', id: 'p1' },
    });
    expect(sandbox.running).toBe(0);
  });

  test('runs the image’s own command as process 1, with its environment and the given one', async () => {
    await run({ env: { EXTRA: '1' } });
    expect(sandbox.requests[0]).toMatchObject({
      argv: ['/sbin/tini', '--', 'python'],
      init: true,
      cwd: '/src',
      env: { PATH: '/usr/bin', A: 'b=c', HOME: '/root', EXTRA: '1', COG_SERVER_UDS: '/run/cogplan/server.sock' },
    });
  });

  test('the project is a private copy, apart from the shared root', async () => {
    let seen = '';
    const answer = sandbox.answer;
    sandbox.answer = (request, body) => {
      const source = sandbox.requests.at(-1)?.binds.find(({ guest }) => guest === '/src');
      seen = `${source?.writable} ${readFileSync(join(source?.host ?? '', 'predict.py'), 'utf8')}`;
      return answer(request, body);
    };
    await run();
    expect(seen).toBe('true source');
    expect(() => readFileSync(join(sandbox.requests[0]?.root ?? '', 'src/predict.py'))).toThrow();
    const first = sandbox.requests[0]?.root;
    await run();
    expect(sandbox.requests[1]?.root).toBe(first);
  });

  test('the host’s resolver is there with the host’s network only', async () => {
    await run();
    await run({ network: 'host' });
    const guests = sandbox.requests.map(({ binds }) => binds.map(({ guest }) => guest).includes('/etc/resolv.conf'));
    expect(guests).toEqual([false, true]);
  });

  test.each([
    [['x=1'], 'unknown input "x"'],
    [[], 'missing required input "text"'],
    [['text=a', 'n=many'], 'invalid input "n"'],
  ])('inputs %j are refused before the model sees them', async (inputs, message) => {
    await expect(run({ inputs })).rejects.toMatchObject({
      code: 'COGPLAN_PREDICTION_INPUT',
      message: expect.stringContaining(message),
    });
    expect(posted).toBeUndefined();
    expect(sandbox.running).toBe(0);
  });

  test('a refusal by the server names the input', async () => {
    const answer = sandbox.answer;
    sandbox.answer = (request, body) =>
      request.url === '/predictions'
        ? { status: 422, body: { detail: [{ loc: ['body', 'input', 'text'], msg: 'too long', type: 'value_error' }] } }
        : answer(request, body);
    await expect(run()).rejects.toMatchObject({ message: 'the model refuses the input: text: too long' });
  });

  test('a failed prediction is a result', async () => {
    const answer = sandbox.answer;
    sandbox.answer = (request, body) =>
      request.url === '/predictions' ? { body: { status: 'failed', error: 'no luck' } } : answer(request, body);
    expect(await run()).toMatchObject({ succeeded: false, prediction: { error: 'no luck' } });
  });

  test('a server that ends during the prediction', async () => {
    const answer = sandbox.answer;
    sandbox.answer = (request, body) => (request.url === '/predictions' ? 139 : answer(request, body));
    await expect(run()).rejects.toMatchObject({ code: 'COGPLAN_PREDICTION_REQUEST' });
    expect(sandbox.running).toBe(0);
  });

  test('a failed setup shows the model’s log', async () => {
    sandbox.answer = () => ({
      body: { status: 'SETUP_FAILED', setup: { status: 'failed', logs: 'Traceback: no weights' } },
    });
    await expect(run()).rejects.toMatchObject({
      code: 'COGPLAN_SETUP_FAILED',
      message: expect.stringContaining('no weights'),
    });
  });

  test('a server that ends during setup shows what it printed, without control characters', async () => {
    sandbox.prints = ['ImportError: \u001b[31mred'];
    sandbox.exitsWith = 1;
    await expect(run()).rejects.toMatchObject({
      code: 'COGPLAN_SETUP_FAILED',
      message: expect.stringMatching(/ended with code 1:\nImportError: \ufffd\[31mred/),
    });
  });

  test('a setup that takes too long', async () => {
    sandbox.answer = () => ({ body: { status: 'STARTING' } });
    await expect(run({ setupTimeoutMs: 150 })).rejects.toMatchObject({
      code: 'COGPLAN_SETUP_FAILED',
      hint: expect.stringContaining('--setup-timeout'),
    });
    expect(sandbox.running).toBe(0);
  });

  test('an interrupt stops a server that does not stop by itself', async () => {
    sandbox.stubborn = true;
    sandbox.answer = () => {
      setTimeout(() => abort.abort(), 20);
      return { body: { status: 'STARTING' } };
    };
    await expect(run()).rejects.toThrow();
    expect(sandbox.signals).toEqual(['SIGTERM', 'SIGKILL']);
    expect(sandbox.running).toBe(0);
  });
});

describe('serve', () => {
  test('passes connections on until it is interrupted', async () => {
    let answer: unknown;
    const serving = serve(context, {
      applied: { imageId },
      sandbox,
      host: '127.0.0.1',
      port: 0,
      onReady: async ({ port }) => {
        const response = await fetch(`http://127.0.0.1:${port}/predictions`, { method: 'POST', body: '{"input":{}}' });
        answer = await response.json();
        abort.abort();
      },
    });
    await serving;
    expect(answer).toMatchObject({ output: 'hello world' });
    expect(sandbox.running).toBe(0);
  });

  test('a port in use is told before anything starts', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    await expect(serve(context, { applied: { imageId }, sandbox, host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'COGPLAN_PORT_IN_USE',
    });
    expect(sandbox.requests).toEqual([]);
    taken.close();
  });

  test('a server that ends by itself is an error, and open connections end', async () => {
    const answer = sandbox.answer;
    sandbox.answer = (request, body) => (request.url === '/crash' ? 134 : answer(request, body));
    const serving = serve(context, {
      applied: { imageId },
      sandbox,
      host: '127.0.0.1',
      port: 0,
      onReady: ({ port }) => connect(port, '127.0.0.1').end('GET /crash HTTP/1.1\r\nhost: x\r\n\r\n'),
    });
    await expect(serving).rejects.toMatchObject({
      code: 'COGPLAN_SERVER_ENDED',
      message: expect.stringContaining('134'),
    });
  });
});

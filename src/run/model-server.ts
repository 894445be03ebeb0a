import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Sandbox, SandboxProcess, SandboxRequest } from '../apply/sandbox/sandbox.ts';
import type { Context } from '../context.ts';
import { CogplanError, printable } from '../errors.ts';
import { withSpan } from '../events.ts';
import type { ModelMode } from '../formats/python/source/openapi.ts';
import { type Container, prepareContainer } from './container.ts';
import { readImage } from './image.ts';
import { readLines } from './read-lines.ts';
import type { Recorder } from './record/recorder.ts';
import { openServerClient, type ServerClient } from './server-client.ts';

export interface ModelServerOptions {
  readonly imageId: string;
  readonly sandbox: Sandbox;
  readonly network: 'none' | 'host';
  readonly gpus?: string | undefined;
  /** What the server serves; default: predictions. */
  readonly mode?: ModelMode | undefined;
  /** Variables on top of the image's own. */
  readonly env: Readonly<Record<string, string>>;
  /** Lines that the server and the model print; default: engine events. */
  readonly onLog: ((line: string) => void) | undefined;
  /** Takes the place of the network, and writes down what passes. */
  readonly recorder?: Recorder | undefined;
}

/** The server of a model, running in the sandbox. */
export interface ModelServer {
  readonly client: ServerClient;
  readonly socketPath: string;
  /** Directories that the model writes to, as far as they lie on disk; gone after `stop`. */
  readonly written: Container['written'];
  /** Waits until the model's setup is done; fails with COGPLAN_SETUP_FAILED when it fails, ends or takes longer. */
  ready(timeoutMs: number): Promise<void>;
  /** Fulfilled when the server ends by itself or by `stop`. */
  readonly exited: Promise<number>;
  /** Ends the server and everything it started, and removes what it wrote. Safe to call twice. */
  stop(): Promise<void>;
}

const SOCKET = 'server.sock';
const POLL_MS = 50;
/** What a server may take to finish after SIGTERM. */
const GRACE_MS = 5000;
/** What the last lines may take to arrive after the end. */
const DRAIN_MS = 500;
const KEPT_LOG_LINES = 200;

/** Starts the server that an image's command names, listening on a Unix socket: so it is reached without a network, and no port is taken. */
export async function startModelServer(context: Context, options: ModelServerOptions): Promise<ModelServer> {
  const image = await readImage(context, options.imageId);
  const { recorder } = options;
  const container = await prepareContainer(
    context,
    image,
    recorder === undefined ? options : { ...options, network: 'none', binds: recorder.binds, keepWritten: true },
  );
  try {
    return await startIn(container, context, options);
  } catch (error) {
    await container.dispose();
    throw error;
  }
}

async function startIn(container: Container, context: Context, options: ModelServerOptions): Promise<ModelServer> {
  const { request, shared } = container;
  const running = await options.sandbox.start({
    ...request,
    argv: through(options.recorder, options.mode === 'train' ? [...request.argv, '--x-mode', 'train'] : request.argv),
    env: {
      LOG_FORMAT: 'console',
      ...request.env,
      ...options.recorder?.env(request.env),
      COG_SERVER_UDS: `${shared.guest}/${SOCKET}`,
    },
  });
  running.stdin.end();
  const log = keepLog(context, running, options.onLog);
  const socketPath = join(shared.host, SOCKET);
  const client = openServerClient(socketPath);
  let state: 'running' | 'ended' = 'running';
  const exited = running.exited.finally(async () => {
    state = 'ended';
    await Promise.race([log.drained, delay(DRAIN_MS, undefined, { ref: false })]);
  });
  exited.catch(() => {});
  let stopping: Promise<void> | undefined;

  const stop = async (): Promise<void> => {
    running.kill('SIGTERM');
    const timer = setTimeout(() => running.kill('SIGKILL'), context.signal.aborted ? GRACE_MS / 5 : GRACE_MS);
    await exited.catch(() => {});
    clearTimeout(timer);
    await client.close();
    await container.dispose();
  };

  const ready = async (timeoutMs: number): Promise<void> => {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      context.signal.throwIfAborted();
      if (state === 'ended') throw setupFailed(`the server ended with code ${await exited}`, log.text());
      const health = await client.health();
      if (health?.status === 'READY' || health?.status === 'BUSY') return;
      if (health?.status === 'SETUP_FAILED' || health?.status === 'DEFUNCT') {
        throw setupFailed('the setup of the model failed', health.setup?.logs?.trim() || log.text());
      }
      if (performance.now() > deadline) {
        throw setupFailed(
          `the model was not ready after ${timeoutMs / 1000} s`,
          log.text(),
          'Give it longer: --setup-timeout SECONDS.',
        );
      }
      await delay(POLL_MS, undefined, { signal: context.signal });
    }
  };

  return {
    client,
    socketPath,
    written: container.written,
    exited,
    ready: (timeoutMs) => withSpan(context.host, 'run.setup', 'Setting the model up', () => ready(timeoutMs)),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Starts what the recorder needs before the command. */
function through(recorder: Recorder | undefined, argv: SandboxRequest['argv']): SandboxRequest['argv'] {
  return recorder === undefined ? argv : ['/bin/sh', '-c', `${recorder.prefix}exec "$@"`, 'sh', ...argv];
}

interface Log {
  /** The last lines. */
  text(): string;
  readonly drained: Promise<unknown>;
}

/** Passes each line on and keeps the last ones for a message. */
function keepLog(context: Context, running: SandboxProcess, onLog: ModelServerOptions['onLog']): Log {
  const lines: string[] = [];
  const take = (line: string): void => {
    const clean = printable(line);
    lines.push(clean);
    if (lines.length > KEPT_LOG_LINES) lines.shift();
    if (onLog !== undefined) onLog(clean);
    else context.host.notify({ kind: 'message', level: 'info', code: 'run.log', text: clean });
  };
  const streams = [readLines(running.stdout, take), readLines(running.stderr, take)];
  return { text: () => lines.join('\n'), drained: Promise.all(streams) };
}

function setupFailed(
  problem: string,
  logs: string,
  hint = 'The log above is all that the model printed.',
): CogplanError {
  return new CogplanError('COGPLAN_SETUP_FAILED', logs === '' ? problem : `${problem}:\n${logs}`, {
    hint,
    data: { logs },
  });
}

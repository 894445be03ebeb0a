import { once } from 'node:events';
import type { Sandbox } from '../apply/sandbox/sandbox.ts';
import type { Context } from '../context.ts';
import { CogplanError } from '../errors.ts';
import { listenFor } from './forward.ts';
import { startModelServer } from './model-server.ts';

export interface ServeRequest {
  readonly applied: { readonly imageId: string };
  readonly sandbox: Sandbox;
  /** Address to listen on, such as 127.0.0.1. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly network?: 'none' | 'host' | undefined;
  readonly gpus?: string | undefined;
  readonly setupTimeoutMs?: number | undefined;
  /** Called once, when the model is ready. */
  readonly onReady?: ((address: { readonly host: string; readonly port: number }) => void) | undefined;
  readonly onLog?: ((line: string) => void) | undefined;
  /** Variables on top of the image's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

const SETUP_TIMEOUT_MS = 300_000;

/**
 * Serves an applied image's HTTP API until the context's signal ends it, then returns. Fails with COGPLAN_PORT_IN_USE before anything starts, with
 * COGPLAN_SETUP_FAILED, or with COGPLAN_SERVER_ENDED when the server ends by itself.
 */
export async function serve(context: Context, request: ServeRequest): Promise<void> {
  const listener = await listenFor({ host: request.host, port: request.port });
  try {
    const server = await startModelServer(context, {
      imageId: request.applied.imageId,
      sandbox: request.sandbox,
      network: request.network ?? 'host',
      gpus: request.gpus,
      env: request.env ?? {},
      onLog: request.onLog,
    });
    try {
      listener.forwardTo(server.socketPath);
      await server.ready(request.setupTimeoutMs ?? SETUP_TIMEOUT_MS);
      request.onReady?.({ host: request.host, port: listener.port });
      const code = await Promise.race([server.exited, interruption(context.signal)]);
      if (code !== undefined && code !== 0) {
        throw new CogplanError('COGPLAN_SERVER_ENDED', `the model server ended with code ${code}`, {
          hint: 'The log above is all that it printed.',
        });
      }
    } finally {
      await server.stop();
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  } finally {
    await listener.close();
  }
}

async function interruption(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, 'abort');
  return undefined;
}

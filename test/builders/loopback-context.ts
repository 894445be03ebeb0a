import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../src/context.ts';
import { type EngineEvent, silentHost } from '../../src/events.ts';
import { createHttpClient } from '../../src/sources/http/undici-client.ts';
import { openStore } from '../../src/store/open-store.ts';

export interface LoopbackContext {
  readonly context: Context;
  readonly directory: string;
  /** Everything the engine told its host. */
  readonly events: EngineEvent[];
  close(): Promise<void>;
}

/** An engine's surroundings with a store of its own and a real HTTP client that tries everything once. */
export async function loopbackContext(
  options: { readonly now?: () => Date; readonly retries?: number; readonly offline?: boolean } = {},
): Promise<LoopbackContext> {
  const { now = () => new Date('2026-01-11T00:00:00Z'), retries = 0, offline = false } = options;
  const directory = await mkdtemp(join(tmpdir(), 'loopback-'));
  const cacheDirectory = join(directory, 'http');
  const http = createHttpClient({ cacheDirectory, env: {}, offline, userAgent: 'test', now, retries });
  const store = await openStore(join(directory, 'store'), { now });
  const events: EngineEvent[] = [];
  const host = { ...silentHost, notify: (event: EngineEvent) => void events.push(event) };
  return {
    context: { host, store, http, env: {}, signal: new AbortController().signal, concurrency: 2, now },
    directory,
    events,
    close: async () => {
      await http.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

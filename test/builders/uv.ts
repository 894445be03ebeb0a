import type { Context } from '../../src/context.ts';
import { silentHost } from '../../src/events.ts';
import { uvTools } from '../../src/plan/python/uv-table.ts';
import { createHttpClient } from '../../src/sources/http/undici-client.ts';
import { uvExecutable } from '../../src/sources/uv/uv-tool.ts';
import { openStore } from '../../src/store/open-store.ts';
import { defaultStoreRoot } from '../../src/store/store-root.ts';

/** Path of the pinned uv, from the user's own store, where it is fetched once. */
export async function thePinnedUv(): Promise<string> {
  return uvExecutable(await theUserContext(), uvTools());
}

/** The user's own store and network, for tools that tests fetch once. */
export async function theUserContext(): Promise<Context> {
  const store = await openStore(defaultStoreRoot(process.env));
  const now = (): Date => new Date();
  const http = createHttpClient({
    cacheDirectory: `${store.root}/cache/http`,
    env: process.env,
    offline: false,
    userAgent: 'cogplan-test',
    now,
  });
  const signal = new AbortController().signal;
  return { host: silentHost, store, http, env: process.env, signal, concurrency: 1, now };
}

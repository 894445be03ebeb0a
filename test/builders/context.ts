import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../src/context.ts';
import type { EngineEvent } from '../../src/events.ts';
import { createHttpClient } from '../../src/sources/http/undici-client.ts';
import { openStore } from '../../src/store/open-store.ts';

export interface TestContext extends Context {
  readonly events: readonly EngineEvent[];
  /** Codes of the warnings so far. */
  warnings(): readonly string[];
  /** The same surroundings with the network off. */
  offline(): TestContext;
  dispose(): void;
}

/** A context with a store of its own, real HTTP, and nothing of the environment but what is given. */
export async function aContext(env: Readonly<Record<string, string>> = {}): Promise<TestContext> {
  const root = mkdtempSync(join(tmpdir(), 'cogplan-test-'));
  const store = await openStore(join(root, 'store'));
  return build(false, []);

  function build(offline: boolean, events: EngineEvent[]): TestContext {
    const now = (): Date => new Date();
    const http = createHttpClient({
      cacheDirectory: join(store.root, 'cache/http'),
      env,
      offline,
      userAgent: 'cogplan-test',
      now,
      retries: 0,
    });
    return {
      host: { notify: (event) => events.push(event), ask: async (question) => question.fallback },
      store,
      http,
      env,
      signal: new AbortController().signal,
      concurrency: 1,
      now,
      events,
      warnings: () =>
        events.flatMap((event) => (event.kind === 'message' && event.level === 'warn' ? [event.code] : [])),
      offline: () => build(true, []),
      dispose: () => rmSync(root, { recursive: true, force: true }),
    };
  }
}

import type { Host } from './events.ts';
import type { HttpClient } from './sources/http/http-client.ts';
import type { Store } from './store/store.ts';

/** Everything the engine takes from its surroundings. Built once in `cli/`, replaced piece by piece in tests. */
export interface Context {
  readonly host: Host;
  readonly store: Store;
  readonly http: HttpClient;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** How many CPU-bound jobs may run at once; at least 1. */
  readonly concurrency: number;
  readonly now: () => Date;
}

import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { Context } from '../context.ts';
import { CogplanError } from '../errors.ts';
import type { Host } from '../events.ts';
import type { Platform } from '../lock/platform.ts';
import { createHttpClient } from '../sources/http/undici-client.ts';
import { openStore } from '../store/open-store.ts';
import { defaultStoreRoot } from '../store/store-root.ts';
import { VERSION } from '../version.ts';
import { openHost } from './hosts/open-host.ts';
import { withProjectMirrors } from './project-mirrors.ts';
import { withSecrets } from './secrets.ts';

export interface CommonOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly offline?: boolean;
  readonly yes?: boolean;
  /** Values of `--secret`. */
  readonly secret?: readonly string[];
}

export interface Session {
  readonly context: Context;
  readonly host: Host;
  readonly json: boolean;
}

interface SessionOptions extends CommonOptions {
  /** The project, whose `cogplan.yaml` names mirrors. */
  readonly directory?: string;
}

/** Opens what a verb needs, runs it, and closes it again; interrupts become an abort of everything under way. */
export async function withSession(
  options: SessionOptions,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort(new CogplanError('COGPLAN_INTERRUPTED', 'interrupted'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const json = options.json ?? false;
  const env = await withProjectMirrors(await withSecrets(process.env, options.secret), options.directory);
  const host = openHost({ quiet: options.quiet ?? false, interactive: !json && options.yes !== true });
  const store = await openStore(defaultStoreRoot(process.env));
  const http = createHttpClient({
    cacheDirectory: join(store.root, 'cache'),
    env,
    offline: options.offline ?? false,
    userAgent: `cogplan/${VERSION}`,
    now: () => new Date(),
  });
  const context: Context = {
    host,
    store,
    http,
    env,
    signal: interrupt.signal,
    concurrency: availableParallelism(),
    now: () => new Date(),
  };
  try {
    return await work({ context, host, json });
  } catch (error) {
    throw interrupt.signal.aborted ? interrupt.signal.reason : error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await http.close();
  }
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The project's directory: the one named, or the current one. */
export function projectDirectory(argument: readonly string[]): string {
  return resolve(argument[0] ?? '.');
}

/** The platform asked for, or the Linux platform of this machine's processor. */
export function platformOf(options: { readonly platform?: string }, processor: string = process.arch): Platform {
  if (options.platform === 'linux/amd64' || options.platform === 'linux/arm64') return options.platform;
  if (processor === 'x64') return 'linux/amd64';
  if (processor === 'arm64') return 'linux/arm64';
  throw new CogplanError(
    'COGPLAN_PLATFORM_UNSUPPORTED',
    `this machine's processor, ${processor}, is not one that images can be locked for`,
    {
      subject: processor,
      hint: 'Name the target with --platform.',
    },
  );
}

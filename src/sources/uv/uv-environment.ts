import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../context.ts';

/** What of the host's environment concerns the way to the network, and nothing else. */
const PASSED_ON = ['ALL_PROXY', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'SSL_CERT_DIR', 'SSL_CERT_FILE'];

/** Index settings travel by environment: command lines are readable by every user of the host. */
export interface UvIndexes {
  /** Asked first, in this order; may hold credentials. */
  readonly extra: readonly string[];
  readonly primary: string;
  readonly findLinks: readonly string[];
}

/**
 * The whole environment uv runs in: its own HOME and cache, proxies, certificates and netrc of the user, and no
 * configuration of the user's own uv, pip or Python.
 */
export async function uvEnvironment(
  { env, store }: Pick<Context, 'env' | 'store'>,
  scratch: string,
  indexes: UvIndexes,
): Promise<Record<string, string>> {
  const passed: Record<string, string> = {};
  for (const name of PASSED_ON) {
    for (const spelling of [name, name.toLowerCase()]) {
      const value = env[spelling];
      if (value !== undefined && value !== '') passed[spelling] = value;
    }
  }
  const bundle = await certificateBundle(env, scratch);
  if (bundle !== undefined) passed.SSL_CERT_FILE = bundle;
  const netrc = env.NETRC ?? (env.HOME === undefined ? undefined : join(env.HOME, '.netrc'));
  if (netrc !== undefined) passed.NETRC = netrc;
  return {
    ...passed,
    HOME: scratch,
    TMPDIR: scratch,
    XDG_CONFIG_HOME: join(scratch, 'config'),
    XDG_DATA_HOME: join(scratch, 'data'),
    PATH: '/usr/bin:/bin',
    LC_ALL: 'C',
    NO_COLOR: '1',
    UV_CACHE_DIR: join(store.root, 'cache', 'uv'),
    UV_DEFAULT_INDEX: indexes.primary,
    ...(indexes.extra.length === 0 ? {} : { UV_INDEX: indexes.extra.join(' ') }),
    ...(indexes.findLinks.length === 0 ? {} : { UV_FIND_LINKS: indexes.findLinks.join(',') }),
  };
}

/**
 * Node adds the certificates of NODE_EXTRA_CA_CERTS to its own; uv knows SSL_CERT_FILE alone, which replaces. A file with
 * both makes them trust the same servers.
 */
async function certificateBundle(env: Context['env'], scratch: string): Promise<string | undefined> {
  const extra = env.NODE_EXTRA_CA_CERTS;
  if (extra === undefined || extra === '' || env.SSL_CERT_FILE) return undefined;
  const own = await readFile(extra, 'utf8').catch(() => undefined);
  if (own === undefined) return undefined;
  const { rootCertificates } = await import('node:tls');
  const bundle = join(scratch, 'certificates.pem');
  await writeFile(bundle, [...rootCertificates, own].join('\n'));
  return bundle;
}

import { afterEach, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { uvEnvironment } from './uv-environment.ts';

const INDEXES = { primary: 'https://a.test/simple', extra: ['https://b.test/', 'https://c.test/'], findLinks: [] };
let context: TestContext;

beforeEach(async () => {
  context = await aContext();
});
afterEach(() => context.dispose());

test('the way to the network is passed on, and nothing else', async () => {
  const env = {
    HOME: '/home/me',
    PATH: '/opt/bin',
    https_proxy: 'http://proxy.test:8080',
    NO_PROXY: 'internal.test',
    SSL_CERT_FILE: '/etc/ca.pem',
    NODE_EXTRA_CA_CERTS: '/etc/other.pem',
    UV_CACHE_DIR: '/home/me/.cache/uv',
    UV_INDEX_URL: 'https://mine.test/simple',
    PIP_INDEX_URL: 'https://mine.test/simple',
    PYTHONPATH: '/home/me/lib',
    LC_ALL: 'tr_TR.UTF-8',
    SECRET: 'x',
  };
  const given = await uvEnvironment({ env, store: context.store }, '/scratch', INDEXES);
  expect(given).toEqual({
    https_proxy: 'http://proxy.test:8080',
    NO_PROXY: 'internal.test',
    SSL_CERT_FILE: '/etc/ca.pem',
    NETRC: '/home/me/.netrc',
    HOME: '/scratch',
    TMPDIR: '/scratch',
    XDG_CONFIG_HOME: '/scratch/config',
    XDG_DATA_HOME: '/scratch/data',
    PATH: '/usr/bin:/bin',
    LC_ALL: 'C',
    NO_COLOR: '1',
    UV_CACHE_DIR: `${context.store.root}/cache/uv`,
    UV_DEFAULT_INDEX: 'https://a.test/simple',
    UV_INDEX: 'https://b.test/ https://c.test/',
  });
});

test('a file of certificates that cannot be read is left to Node to complain about', async () => {
  const env = { NODE_EXTRA_CA_CERTS: '/nowhere.pem' };
  expect(await uvEnvironment({ env, store: context.store }, '/scratch', INDEXES)).not.toHaveProperty('SSL_CERT_FILE');
});

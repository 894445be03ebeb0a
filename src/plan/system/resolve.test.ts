import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  makeDeb,
  makeKey,
  publishFlat,
  publishSuite,
  type TestDeb,
  type TestDebInput,
  type TestKey,
} from '../../../test/servers/debian-archive.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import type { Context } from '../../context.ts';
import { sha256 } from '../../digest.ts';
import { silentHost } from '../../events.ts';
import type { SystemPackage, Target } from '../../lock/schema.generated.ts';
import { createHttpClient } from '../../sources/http/undici-client.ts';
import { parseSettings } from '../../spec/parse-settings.ts';
import { NO_SETTINGS, type Settings } from '../../spec/settings.ts';
import type { Located, Spec } from '../../spec/spec.ts';
import { openStore } from '../../store/open-store.ts';
import type { ResolveInput, SystemResolution } from '../families.ts';
import { type Held, heldOf } from '../holds.ts';
import { resolveSystem } from './resolve.ts';

const BASE: readonly TestDebInput[] = [
  { name: 'base-files', fields: { Essential: 'yes', 'Pre-Depends': 'awk' } },
  { name: 'mawk', fields: { Provides: 'awk', Depends: 'libc6 (>= 2.30)' } },
  { name: 'libc6', version: '2.36-9+deb12u1' },
  { name: 'apt', version: '2.6.1' },
  { name: 'ca-certificates', architecture: 'all', fields: { Depends: 'openssl (>= 1)' } },
  { name: 'openssl', version: '3.0' },
  { name: 'netbase', architecture: 'all' },
  { name: 'tini' },
  { name: 'tzdata', architecture: 'all' },
  { name: 'usr-is-merged', architecture: 'all' },
  { name: 'python3', version: '3.11.2-1+b1', fields: { Depends: 'python3.11 (>= 3.11.2)' } },
  { name: 'python3.11', version: '3.11.2-6+deb12u6', fields: { Depends: 'libc6, libexpat1' } },
  { name: 'python3-distutils', architecture: 'all', fields: { Depends: 'python3:any' } },
  { name: 'libexpat1' },
  { name: 'bubblewrap', version: '0.8.0', fields: { Depends: 'libc6, libcap2' } },
  { name: 'libcap2' },
  {
    name: 'curl',
    fields: { Depends: 'libcurl4 (= 1), libexpat1' },
    scripts: { postinst: '#!/bin/sh\nset -e\nexit 0\n', triggers: 'activate-noawait ldconfig\n' },
  },
  { name: 'libcurl4' },
];

let key: TestKey;
let server: HttpTestServer;
let directory: string;
let context: Context;
let debs: TestDeb[];
let close: () => Promise<void>;

beforeAll(async () => {
  key = await makeKey();
  debs = await Promise.all(
    BASE.map((deb) =>
      makeDeb(deb.name === 'python3' ? { ...deb, fields: { ...deb.fields, 'Multi-Arch': 'allowed' } } : deb),
    ),
  );
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'resolve-system-'));
  server = await startHttpServer();
  const now = () => new Date('2026-01-11T00:00:00Z');
  const http = createHttpClient({
    cacheDirectory: join(directory, 'http'),
    env: {},
    offline: false,
    userAgent: 'test',
    now,
    retries: 0,
  });
  close = () => http.close();
  const store = await openStore(join(directory, 'store'), { now });
  context = { host: silentHost, store, http, env: {}, signal: new AbortController().signal, concurrency: 2, now };
  await publish();
});

afterEach(async () => {
  await close();
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

interface Published {
  readonly main?: readonly TestDeb[];
  readonly security?: readonly TestDeb[];
  readonly date?: Date;
}

async function publish({ main = debs, security = [], date }: Published = {}): Promise<void> {
  const shared = { keys: [key], ...(date === undefined ? {} : { date }) };
  await publishSuite(server, { ...shared, root: '/debian', suite: 'bookworm', debs: main });
  await publishSuite(server, { ...shared, root: '/debian', suite: 'bookworm-updates', debs: [] });
  await publishSuite(server, { ...shared, root: '/debian-security', suite: 'bookworm-security', debs: security });
}

function located(value: string, index = 0): Located<string> {
  return { value, where: { file: 'cog.yaml', line: 5 + index, key: `build.system_packages[${index}]` } };
}

interface Ask {
  readonly python?: string;
  readonly packages?: readonly string[];
  readonly previous?: SystemResolution;
  readonly mode?: ResolveInput['options']['mode'];
  readonly upgradePackages?: readonly string[];
  readonly hold?: string;
  readonly settings?: Settings;
}

function resolve({
  python = '3.11',
  packages = [],
  previous,
  mode = 'keep',
  upgradePackages = [],
  hold,
  settings = NO_SETTINGS,
}: Ask = {}): Promise<SystemResolution> {
  const spec = {
    directory,
    pythonVersion: located(python),
    systemPackages: packages.map(located),
    settings,
  } as unknown as Spec;
  const sources = {
    main: { url: `${server.url}/debian`, keys: [key] },
    security: { url: `${server.url}/debian-security`, keys: [key] },
  };
  const input: ResolveInput = {
    spec,
    platform: 'linux/amd64',
    previous: previous as unknown as Target | undefined,
    ...(previous === undefined ? {} : { previousTools: previous.tools }),
    options: { mode, asOf: null, upgradePackages },
    ...(hold === undefined ? {} : { held: heldBack(hold, previous) }),
  };
  return resolveSystem(context, input, sources);
}

function heldBack(subject: string, previous: SystemResolution | undefined): Held {
  const target = { ...previous, python: { packages: [] } } as unknown as Target;
  return heldOf([{ subject, reason: 'it works', since: '2026-01-01' }], target, context.now());
}

function find(resolution: SystemResolution, name: string): SystemPackage | undefined {
  return resolution.system.packages.find((item) => item.name === name);
}

describe('a project', () => {
  test('leaves tools that are no .debs alone, even when they lie in the store', async () => {
    const previous = await resolve();
    const { sha256: digest, size } = await context.store.put(Buffer.from('PK'));
    const file = { url: 'https://files.test/uv-1-py3-none-any.whl', sha256: digest, size };
    const tools = [...previous.tools, { name: 'uv', version: '1', host: 'linux/amd64', file }];
    const resolution = await resolve({ packages: ['curl'], previous: { ...previous, tools } });
    expect(resolution.tools).toEqual(previous.tools);
  });

  test('gets base, interpreter and system packages in three groups, with edges, scripts and evidence', async () => {
    const resolution = await resolve({ packages: ['curl'] });
    expect(resolution.base).toEqual({
      kind: 'debian',
      suite: 'bookworm',
      why: 'Debian 12 (bookworm) brings Python 3.11',
    });
    expect(resolution.interpreter).toMatchObject({ version: '3.11.2', path: '/usr/bin/python3.11' });
    expect(resolution.environment).toEqual({
      version: '3.11.2',
      path: '/usr/bin/python3.11',
      platform: 'linux/amd64',
      glibc: '2.36',
    });
    const groups = resolution.system.packages.map(
      ({ name, group, depends }) => `${group} ${name}: ${depends.join(' ')}`,
    );
    expect(groups).toEqual([
      'base apt: ',
      'base base-files: mawk',
      'base ca-certificates: openssl',
      'system curl: libcurl4 libexpat1',
      'base libc6: ',
      'system libcurl4: ',
      'interpreter libexpat1: ',
      'base mawk: libc6',
      'base netbase: ',
      'base openssl: ',
      'interpreter python3: python3.11',
      'interpreter python3-distutils: python3',
      'interpreter python3.11: libc6 libexpat1',
      'base tini: ',
      'base tzdata: ',
      'base usr-is-merged: ',
    ]);
    const curl = find(resolution, 'curl');
    expect(curl?.asked).toBe('build.system_packages: curl');
    expect(curl?.scripts).toEqual({
      postinst: sha256('#!/bin/sh\nset -e\nexit 0\n'),
      triggers: sha256('activate-noawait ldconfig\n'),
    });
    expect(curl?.file.url).toBe(`${server.url}/debian/pool/main/curl_1_amd64.deb`);
    expect(resolution.tools.map(({ name, host }) => `${name} ${host}`)).toEqual([
      'bubblewrap linux/amd64',
      'libc6 linux/amd64',
      'libcap2 linux/amd64',
    ]);
    const [archive] = resolution.system.archives;
    expect(archive).toMatchObject({ suite: 'bookworm', date: '2026-01-10T00:00:00Z', signers: [key.fingerprint] });
    for (const { inRelease, packages } of resolution.system.archives) {
      expect(await context.store.stat(inRelease.sha256)).toMatchObject({ size: inRelease.size });
      expect(await context.store.stat(packages.sha256)).toMatchObject({ size: packages.size });
    }
  });

  test('gets the same answer again without fetching an index or a .deb', async () => {
    const first = await resolve({ packages: ['curl'] });
    const before = server.requests.length;
    expect(await resolve({ packages: ['curl'] })).toEqual(first);
    expect(server.requests.slice(before).map(({ path }) => path.split('/').at(-1))).toEqual([
      'InRelease',
      'InRelease',
      'InRelease',
    ]);
  });

  test('may ask for what the base has, for a version, and for several names in one entry', async () => {
    const resolution = await resolve({ packages: ['ca-certificates', 'curl=1* libcurl4'] });
    expect(find(resolution, 'ca-certificates')).toMatchObject({
      group: 'base',
      asked: 'build.system_packages: ca-certificates',
    });
    expect(find(resolution, 'curl')?.asked).toBe('build.system_packages: curl=1*');
    expect(find(resolution, 'libcurl4')?.asked).toBe('build.system_packages: libcurl4');
  });

  test('gets recommended packages where it asks for them, with edges of their own', async () => {
    const sox = await makeDeb({ name: 'sox', fields: { Depends: 'libsox3', Recommends: 'libsox-fmt-all, gone' } });
    const others = [
      { name: 'libsox3', fields: { Recommends: 'libsox-doc' } },
      { name: 'libsox-fmt-all', fields: { Recommends: 'mp3' } },
      { name: 'libsox-doc' },
      { name: 'mp3' },
    ];
    await publish({ main: [...debs, sox, ...(await Promise.all(others.map(makeDeb)))] });
    const added = async (ask: Ask) => {
      const { packages } = (await resolve(ask)).system;
      const own = packages.filter(({ group }) => group === 'system');
      return own.map(({ name, recommends = [] }) => [name, ...recommends].join(' '));
    };
    const settings = (text: string) => ({ packages: ['sox'], settings: parseSettings(text) });
    expect(await added({ packages: ['sox'] })).toEqual(['libsox3', 'sox']);
    expect(await added(settings('recommends: false\n'))).toEqual(['libsox3', 'sox']);
    expect(await added(settings('recommends: [sox]\n'))).toEqual(['libsox-fmt-all', 'libsox3', 'sox libsox-fmt-all']);
    const all = ['libsox-doc', 'libsox-fmt-all mp3', 'libsox3 libsox-doc', 'mp3', 'sox libsox-fmt-all'];
    expect(await added(settings('recommends: true\n'))).toEqual(all);
    expect(await added({ packages: ['--install-recommends', 'sox'] })).toEqual(all);
    await expect(resolve(settings('recommends: [sox, curl]\n'))).rejects.toMatchObject({
      code: 'COGPLAN_SETTINGS_INVALID',
      subject: 'curl',
      where: { file: 'cogplan.yaml', line: 1 },
    });
  });

  test('gets security updates', async () => {
    await publish({ security: [await makeDeb({ name: 'openssl', version: '3.1' })] });
    expect(find(await resolve(), 'openssl')).toMatchObject({
      version: '3.1',
      file: { url: `${server.url}/debian-security/pool/main/openssl_3.1_amd64.deb` },
    });
  });
});

describe('a lock that is made again', () => {
  const later = new Date('2026-01-10T12:00:00Z');
  const newer = () => makeDeb({ name: 'openssl', version: '3.1' });

  test('keeps what it has while the index or the store has it, and moves with upgrade', async () => {
    const previous = await resolve();
    await publish({ security: [await newer()], date: later });
    expect(find(await resolve({ previous, packages: ['curl'] }), 'openssl')?.version).toBe('3.0');
    expect(find(await resolve({ previous, mode: 'upgrade' }), 'openssl')?.version).toBe('3.1');
  });

  test('with refresh moves only what the index no longer has', async () => {
    const previous = await resolve();
    const changed = await makeDeb({ name: 'apt', version: '2.6.2' });
    const main = [...debs.filter(({ filename }) => !filename.includes('/openssl_')), await newer(), changed];
    await publish({ main, date: later });
    const refreshed = await resolve({ previous, mode: 'refresh' });
    expect(find(refreshed, 'openssl')?.version).toBe('3.1');
    expect(find(refreshed, 'apt')?.version).toBe('2.6.1');
    const kept = await resolve({ previous });
    expect(find(kept, 'openssl')).toEqual(find(previous, 'openssl'));
    const states = kept.system.archives.map(({ suite, date }) => `${suite} ${date}`);
    expect(states).toContain('bookworm 2026-01-10T12:00:00Z');
    expect(states.filter((state) => state === 'bookworm 2026-01-10T00:00:00Z')).toHaveLength(1);
    expect(states).toHaveLength(4);
  });

  test('moves what it needs to for a new dependency', async () => {
    const previous = await resolve({ packages: ['libcurl4'] });
    const main = [
      ...debs,
      await makeDeb({ name: 'libcurl4', version: '2' }),
      await makeDeb({ name: 'wget', fields: { Depends: 'libcurl4 (>= 2)' } }),
    ];
    await publish({ main, date: later });
    expect(find(await resolve({ previous, packages: ['libcurl4'] }), 'libcurl4')?.version).toBe('1');
    expect(find(await resolve({ previous, packages: ['libcurl4', 'wget'] }), 'libcurl4')?.version).toBe('2');
  });

  test('keeps its tools', async () => {
    const previous = await resolve();
    await publish({ main: [...debs, await makeDeb({ name: 'bubblewrap', version: '0.9' })], date: later });
    const version = (resolution: SystemResolution) =>
      resolution.tools.find(({ name }) => name === 'bubblewrap')?.version;
    expect(version(await resolve({ previous }))).toBe('0.8.0');
    expect(version(await resolve({ previous, mode: 'upgrade' }))).toBe('0.9');
  });

  test('starts afresh when another Python means another suite', async () => {
    const previous = await resolve();
    const elsewhere = { ...previous, base: { ...previous.base, suite: 'trixie' } };
    await publish({ security: [await newer()], date: later });
    expect(find(await resolve({ previous: elsewhere }), 'openssl')?.version).toBe('3.1');
  });

  test('does not take an older state of the archive', async () => {
    const previous = await resolve();
    await publish({ date: new Date('2026-01-09T00:00:00Z') });
    await expect(resolve({ previous })).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_ROLLBACK' });
  });
});

describe('refused is', () => {
  const place = { file: 'cog.yaml', line: 5, key: 'build.system_packages[0]' };

  test.each([
    ['3.12.99', 'Ask for "3.12", or one of 3.12.0'],
    ['3.11.99', 'Ask for "3.11", or one of 3.11.1, 3.11.2,'],
    ['2.7', 'Ask for 3.7, 3.8, 3.9'],
  ])('Python %s', async (python, hint) => {
    await expect(resolve({ python })).rejects.toMatchObject({
      code: 'COGPLAN_PYTHON_UNAVAILABLE',
      where: place,
      hint: expect.stringContaining(hint),
    });
  });

  test.each([
    ['crul', 'COGPLAN_SYSTEM_PACKAGE_UNKNOWN', 'Did you mean curl?'],
    ['libcudnn8', 'COGPLAN_SYSTEM_PACKAGE_UNKNOWN', 'come with the Python wheels'],
    ['libssl1.1-nothing-like-it', 'COGPLAN_SYSTEM_PACKAGE_UNKNOWN', 'below archives in cogplan.yaml'],
    ['curl=7*', 'COGPLAN_SYSTEM_PACKAGE_VERSION', 'It has 1;'],
    ['-t sid', 'COGPLAN_SYSTEM_PACKAGE_SYNTAX', 'only names'],
    ['apt-get', 'COGPLAN_SYSTEM_PACKAGE_SYNTAX', 'names of the packages'],
    ['curl:arm64', 'COGPLAN_SYSTEM_PACKAGE_SYNTAX', 'Ask for curl alone'],
    ['curl/stable', 'COGPLAN_SYSTEM_PACKAGE_SYNTAX', 'They are taken from bookworm'],
    ['curl=*_x', 'COGPLAN_SYSTEM_PACKAGE_SYNTAX', 'Versions are like'],
    ['Curl', 'COGPLAN_SYSTEM_PACKAGE_SYNTAX', 'lower case: curl'],
    ['curl/bookworm-security', 'COGPLAN_SYSTEM_PACKAGE_VERSION', 'It has 1;'],
  ])('the entry %s', async (entry, code, hint) => {
    await expect(resolve({ packages: [entry] })).rejects.toMatchObject({
      code,
      where: place,
      hint: expect.stringContaining(hint),
    });
  });

  test.each([
    ['opencv', 'Debian bookworm has libopencv-dev, python3-opencv: ask for what you need.', undefined],
    ['opencv-devel', 'In Debian bookworm it is libopencv-dev.', 'write libopencv-dev for opencv-devel'],
  ])('a name that is no package but what others call one: %s', async (name, hint, fix) => {
    const around = ['libopencv-dev', 'python3-opencv', 'opencc'];
    await publish({ main: [...debs, ...(await Promise.all(around.map((other) => makeDeb({ name: other }))))] });
    await expect(resolve({ packages: [name] })).rejects.toMatchObject({
      code: 'COGPLAN_SYSTEM_PACKAGE_UNKNOWN',
      hint,
      data: { fixes: fix === undefined ? [] : [{ text: fix }] },
    });
  });

  test('a name that Debian has dropped, with the new one', async () => {
    await publish({ main: [...debs, await makeDeb({ name: 'libgl1' })] });
    await expect(resolve({ packages: ['libgl1-mesa-glx'] })).rejects.toMatchObject({
      code: 'COGPLAN_SYSTEM_PACKAGE_UNKNOWN',
      hint: 'In Debian bookworm it is libgl1.',
    });
  });

  test('a package that conflicts, with both ways there and the place', async () => {
    await publish({ main: [...debs, await makeDeb({ name: 'wget', fields: { Conflicts: 'libexpat1' } })] });
    await expect(resolve({ packages: ['wget'] })).rejects.toMatchObject({
      code: 'COGPLAN_SYSTEM_UNSATISFIABLE',
      where: place,
      message: expect.stringContaining('wget 1 conflicts with libexpat1'),
    });
  });

  test('a package with a script that is not understood', async () => {
    const odd = await makeDeb({ name: 'odd', scripts: { postinst: '#!/bin/sh\nset -e\nfrobnicate --all\n' } });
    await publish({ main: [...debs, odd] });
    await expect(resolve({ packages: ['odd'] })).rejects.toMatchObject({
      code: 'COGPLAN_SCRIPT_UNKNOWN',
      subject: 'odd',
      data: { script: 'postinst', line: 3, text: expect.stringContaining('frobnicate') },
    });
  });

  describe('a statement that is not understood, where something is there', () => {
    const postinst = '#!/bin/sh\nset -e\nif [ -x /usr/bin/helper ]; then frobnicate --all; fi\n';
    const helper = { 'usr/bin/helper': '#!/bin/sh\n' };
    const sums = { md5sums: `${'0'.repeat(32)}  usr/bin/helper\n` };
    const refused = { code: 'COGPLAN_SCRIPT_UNKNOWN', subject: 'odd', data: { line: 3, reason: expect.any(String) } };

    test('is passed over, as long as no package brings it', async () => {
      await publish({ main: [...debs, await makeDeb({ name: 'odd', scripts: { postinst } })] });
      const { system } = await resolve({ packages: ['odd'] });
      expect(system.packages.find(({ name }) => name === 'odd')).not.toHaveProperty('configure');
    });

    test('is refused when the package brings it itself', async () => {
      await publish({ main: [...debs, await makeDeb({ name: 'odd', scripts: { postinst }, files: helper })] });
      await expect(resolve({ packages: ['odd'] })).rejects.toMatchObject(refused);
    });

    test('is refused when another package brings it', async () => {
      const odd = await makeDeb({ name: 'odd', scripts: { postinst } });
      const other = await makeDeb({ name: 'helper', files: helper, scripts: sums });
      await publish({ main: [...debs, odd, other] });
      await resolve({ packages: ['odd'] });
      await expect(resolve({ packages: ['odd', 'helper'] })).rejects.toMatchObject(refused);
      const settings = { ...NO_SETTINGS, values: { configure: 'sealed' } } as typeof NO_SETTINGS;
      const sealed = async (...packages: string[]) =>
        (await resolve({ packages, settings })).system.packages.filter(({ configure }) => configure === 'sealed');
      expect(await sealed('odd')).toEqual([]);
      expect(await sealed('odd', 'helper')).toMatchObject([{ name: 'odd' }]);
    });
  });

  test('a .deb that is not the package it is listed as', async () => {
    const [curl, other] = await Promise.all([makeDeb({ name: 'wget' }), makeDeb({ name: 'wgetx', version: '2' })]);
    await publish({ main: [...debs, { ...curl, bytes: other.bytes }] });
    await expect(resolve({ packages: ['wget'] })).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_MISMATCH' });
  });

  test('an index that is not what InRelease names', async () => {
    await publishSuite(server, {
      root: '/debian',
      suite: 'bookworm',
      debs,
      keys: [key],
      edit: (release) => release.replace(/ [0-9a-f]{64}( \d+ main\/binary-amd64\/Packages\n)/, ` ${'0'.repeat(64)}$1`),
    });
    await expect(resolve()).rejects.toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
  });
});

const PYTHON = { Depends: 'python3.11 (>= 3.11.2)', 'Multi-Arch': 'allowed' };

describe('holds', () => {
  const version = (resolution: SystemResolution, name: string) => find(resolution, name)?.version;

  async function publishNewer(...inputs: readonly TestDebInput[]): Promise<void> {
    const newer = await Promise.all(inputs.map((input) => makeDeb(input)));
    const others = debs.filter((_, index) => !inputs.some(({ name }) => name === BASE[index]?.name));
    await publish({ main: [...others, ...newer], date: new Date('2026-01-10T12:00:00Z') });
  }

  test('what is held keeps its file when everything else is upgraded', async () => {
    const previous = await resolve({ packages: ['curl'] });
    await publishNewer({ name: 'libexpat1', version: '2' }, { name: 'openssl', version: '4.0' });
    const held = await resolve({ packages: ['curl'], previous, mode: 'upgrade', hold: 'system/libexpat1' });
    expect([version(held, 'libexpat1'), version(held, 'openssl')]).toEqual(['1', '4.0']);
    const free = await resolve({ packages: ['curl'], previous, mode: 'upgrade' });
    expect(version(free, 'libexpat1')).toBe('2');
  });

  test('a named package is upgraded alone', async () => {
    const previous = await resolve({ packages: ['curl'] });
    await publishNewer({ name: 'libexpat1', version: '2' }, { name: 'openssl', version: '4.0' });
    const named = await resolve({ packages: ['curl'], previous, upgradePackages: ['openssl'] });
    expect([version(named, 'libexpat1'), version(named, 'openssl')]).toEqual(['1', '4.0']);
  });

  test('a hold of the base keeps its packages, one of the interpreter those of Python', async () => {
    const previous = await resolve();
    await publishNewer({ name: 'openssl', version: '4.0' }, { name: 'python3', version: '3.11.9', fields: PYTHON });
    const base = await resolve({ previous, mode: 'upgrade', hold: 'base/base' });
    expect([version(base, 'openssl'), version(base, 'python3')]).toEqual(['3.0', '3.11.9']);
  });

  test('a hold that another package rules out is refused with the chain', async () => {
    const previous = await resolve({ packages: ['curl'] });
    await publishNewer(
      { name: 'curl', version: '2', fields: { Depends: 'libcurl4 (= 2)' } },
      { name: 'libcurl4', version: '2' },
    );
    const work = resolve({ packages: ['curl'], previous, mode: 'upgrade', hold: 'system/libcurl4' });
    await expect(work).rejects.toMatchObject({
      code: 'COGPLAN_HOLD_IMPOSSIBLE',
      subject: 'system/libcurl4',
      data: { chain: ['curl 2 needs libcurl4 (= 2)', expect.any(String)] },
    });
  });

  test('the interpreter cannot be held against the version that the project asks for', async () => {
    const previous = await resolve();
    const work = resolve({ previous, python: '3.13', hold: 'interpreter/python' });
    await expect(work).rejects.toMatchObject({ code: 'COGPLAN_HOLD_IMPOSSIBLE', subject: 'interpreter/python' });
  });
});

describe('archives of the project', () => {
  const cuda = async (more = ''): Promise<Settings> =>
    parseSettings(`archives:\n  - url: ${server.url}/cuda/x86_64/\n    suite: /\n    key: cuda.asc\n${more}`);

  test('are resolved together with Debian’s, each by its own key', async () => {
    const own = await makeKey();
    const tool = await makeDeb({ name: 'cuda-nvcc-12-4', fields: { Depends: 'libexpat1' } });
    await publishFlat(server, { root: '/cuda/x86_64', debs: [tool], key: own, detached: true });
    await writeFile(join(directory, 'cuda.asc'), own.armored);
    const { system } = await resolve({ packages: ['cuda-nvcc-12-4'], settings: await cuda() });
    expect(system.archives.at(-1)).toMatchObject({
      url: `${server.url}/cuda/x86_64`,
      suite: '/',
      component: '',
      signers: [own.fingerprint],
      key: { url: 'project:cuda.asc', sha256: sha256(own.armored) },
    });
    expect(system.packages.find(({ name }) => name === 'cuda-nvcc-12-4')?.file.url).toBe(
      `${server.url}/cuda/x86_64/cuda-nvcc-12-4_1_amd64.deb`,
    );
    const limited = await cuda('    packages: [nothing-*]\n');
    await expect(resolve({ packages: ['cuda-nvcc-12-4'], settings: limited })).rejects.toMatchObject({
      code: 'COGPLAN_SYSTEM_PACKAGE_UNKNOWN',
    });
    const split = await cuda('    components: [main]\n');
    await expect(resolve({ settings: split })).rejects.toMatchObject({ code: 'COGPLAN_SETTINGS_INVALID' });
  });

  test.each([
    ['is missing', undefined],
    ['is no key', 'hello'],
    ['is half a key', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n'],
  ])('whose key %s are refused with the place', async (_, content) => {
    if (content !== undefined) await writeFile(join(directory, 'cuda.asc'), content);
    await expect(resolve({ settings: await cuda() })).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_KEY' });
  });
});

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { createCleartextMessage, createMessage, generateKey, type PrivateKey, readPrivateKey, sign } from 'openpgp';
import { pack } from 'tar-stream';
import type { HttpTestServer } from './http-server.ts';

export interface TestDebInput {
  readonly name: string;
  readonly version?: string;
  readonly architecture?: string;
  /** Further control fields, such as Depends. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Files of the control archive. */
  readonly scripts?: Readonly<Record<string, string>>;
  /** Files of the data archive by path. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface TestDeb {
  readonly control: string;
  readonly filename: string;
  readonly bytes: Buffer;
}

/** A small real .deb. */
export async function makeDeb(input: TestDebInput): Promise<TestDeb> {
  const { name, version = '1', architecture = 'amd64' } = input;
  const fields = { Package: name, Version: version, Architecture: architecture, ...input.fields };
  const control = Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
  const bytes = makeAr([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', gzipSync(await makeTar({ control, ...input.scripts }))],
    ['data.tar.gz', gzipSync(await makeTar(input.files ?? {}))],
  ]);
  return { control, filename: `pool/main/${name}_${version.replace(/^\d+:/, '')}_${architecture}.deb`, bytes };
}

export interface TestKey {
  readonly fingerprint: string;
  readonly armored: string;
  readonly secret: PrivateKey;
}

export async function makeKey(
  date = new Date('2020-01-01T00:00:00Z'),
  lifetimeSeconds?: number,
  name = 'Test Archive',
): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name }],
    date,
    ...(lifetimeSeconds === undefined ? {} : { keyExpirationTime: lifetimeSeconds }),
  });
  const secret = await readPrivateKey({ armoredKey: privateKey });
  return { fingerprint: secret.getFingerprint().toUpperCase(), armored: publicKey, secret };
}

export interface TestSuite {
  /** Path of the archive's root on the server, such as `/debian`. */
  readonly root: string;
  readonly suite: string;
  readonly debs: readonly TestDeb[];
  readonly keys: readonly TestKey[];
  readonly date?: Date;
  readonly validUntil?: Date;
  /** Applied to the Release text before it is signed. */
  readonly edit?: (release: string) => string;
}

/** Serves a suite: InRelease, Packages.gz by hash, and the pool. Returns what InRelease says. */
export async function publishSuite(server: HttpTestServer, suite: TestSuite): Promise<string> {
  const stanzas = suite.debs.map(({ control, filename, bytes }) => {
    server.answer(`${suite.root}/${filename}`, { body: bytes });
    return `${control}Filename: ${filename}\nSize: ${bytes.length}\nSHA256: ${sha256(bytes)}\n`;
  });
  const plain = Buffer.from(stanzas.join('\n'));
  const zipped = gzipSync(plain);
  const directory = 'main/binary-amd64';
  const base = `${suite.root}/dists/${suite.suite}`;
  server.answer(`${base}/${directory}/by-hash/SHA256/${sha256(zipped)}`, { body: zipped });
  const date = suite.date ?? new Date('2026-01-10T00:00:00Z');
  const release = [
    'Origin: Test',
    `Codename: ${suite.suite}`,
    `Date: ${debianDate(date)}`,
    ...(suite.validUntil === undefined ? [] : [`Valid-Until: ${debianDate(suite.validUntil)}`]),
    'Acquire-By-Hash: yes',
    'SHA256:',
    ` ${sha256(plain)} ${plain.length} ${directory}/Packages`,
    ` ${sha256(zipped)} ${zipped.length} ${directory}/Packages.gz`,
    '',
  ].join('\n');
  const body = await clearSign(suite.edit?.(release) ?? release, suite.keys, date);
  server.answer(`${base}/InRelease`, { body });
  return body;
}

/** Serves a flat archive, as NVIDIA's: index and packages in one directory. Detached: Release and Release.gpg. */
export async function publishFlat(
  server: HttpTestServer,
  archive: {
    readonly root: string;
    readonly debs: readonly TestDeb[];
    readonly key: TestKey;
    readonly detached?: boolean;
  },
): Promise<void> {
  const { root, debs, key, detached = false } = archive;
  const stanzas = debs.map(({ control, filename, bytes }) => {
    const name = filename.slice(filename.lastIndexOf('/') + 1);
    server.answer(`${root}/${name}`, { body: bytes });
    return `${control}Filename: ./${name}\nSize: ${bytes.length}\nSHA256: ${sha256(bytes)}\n`;
  });
  const plain = Buffer.from(stanzas.join('\n'));
  const zipped = gzipSync(plain);
  server.answer(`${root}/Packages.gz`, { body: zipped });
  const date = new Date('2026-01-10T00:00:00Z');
  const release = [
    'Origin: Flat',
    `Date: ${debianDate(date)}`,
    'SHA256:',
    ` ${sha256(plain)} ${plain.length} ./Packages`,
    ` ${sha256(zipped)} ${zipped.length} ./Packages.gz`,
    '',
  ].join('\n');
  if (!detached) {
    server.answer(`${root}/InRelease`, { body: await clearSign(release, [key], date) });
    return;
  }
  server.answer(`${root}/Release`, { body: release });
  const signature = await sign({
    message: await createMessage({ binary: new Uint8Array(Buffer.from(release)) }),
    signingKeys: key.secret,
    detached: true,
    date,
  });
  server.answer(`${root}/Release.gpg`, { body: signature });
}

export async function clearSign(text: string, keys: readonly TestKey[], date: Date): Promise<string> {
  const signed = await sign({
    message: await createCleartextMessage({ text }),
    signingKeys: keys.map(({ secret }) => secret),
    date,
  });
  return signed.replaceAll('\r\n', '\n');
}

function debianDate(date: Date): string {
  return date.toUTCString().replace('GMT', 'UTC');
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

export function makeAr(members: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = members.flatMap(([name, body]) => {
    const owner = `${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`;
    const header = `${name.padEnd(16)}${owner}${String(body.length).padEnd(10)}\`\n`;
    return [Buffer.from(header), body, Buffer.alloc(body.length % 2, '\n')];
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

async function makeTar(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const stream = pack();
  for (const [path, content] of Object.entries(files)) stream.entry({ name: `./${path}`, mode: 0o644 }, content);
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

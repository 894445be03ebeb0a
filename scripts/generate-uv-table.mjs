// Writes src/plan/tables/uv.json: the wheels of one exact uv, by the host they run on, as the package index lists them.
// Usage: node scripts/generate-uv-table.mjs VERSION
import { writeFile } from 'node:fs/promises';

const INDEX = 'https://pypi.org/simple/uv/';
const MEDIA_TYPE = 'application/vnd.pypi.simple.v1+json';
const TABLE = new URL('../src/plan/tables/uv.json', import.meta.url);

// The Linux wheels are the statically linked ones: they start on a host without glibc, or with an older one.
const TAG_BY_HOST = {
  'darwin/amd64': /-macosx_\d+_\d+_x86_64\.whl$/,
  'darwin/arm64': /-macosx_\d+_\d+_arm64\.whl$/,
  'linux/amd64': /musllinux_1_1_x86_64\.whl$/,
  'linux/arm64': /musllinux_1_1_aarch64\.whl$/,
};

const version = process.argv[2];
if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) throw new Error('usage: generate-uv-table.mjs VERSION');

const response = await fetch(INDEX, { headers: { accept: MEDIA_TYPE } });
if (!response.ok) throw new Error(`${INDEX}: ${response.status}`);
const { files } = await response.json();

const hosts = {};
for (const [host, tag] of Object.entries(TAG_BY_HOST)) {
  const matches = files.filter((file) => file.filename.startsWith(`uv-${version}-`) && tag.test(file.filename));
  if (matches.length !== 1) throw new Error(`${matches.length} wheels of uv ${version} for ${host}`);
  const [{ url, hashes, size }] = matches;
  hosts[host] = { url, sha256: hashes.sha256, size };
}

await writeFile(TABLE, `${JSON.stringify({ version, hosts }, null, 2)}\n`);

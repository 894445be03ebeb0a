/**
 * Writes src/plan/tables/python-builds.json from a list of python-build-standalone's releases (a JSON array of `python`, `arch`, `build`, `url`, `sha256`), newest build of each version and
 * processor: node scripts/generate-python-builds.mjs LIST.json
 */
import { readFileSync, writeFileSync } from 'node:fs';

const PREFIX = 'https://github.com/astral-sh/python-build-standalone/releases/download/';
const ARCHITECTURES = { x86_64: 'amd64', aarch64: 'arm64' };
// Python 3.7 is older than the lists: its last build for Linux.
const OLDER = [
  {
    python: '3.7.9',
    arch: 'x86_64',
    build: '20200822',
    url: `${PREFIX}20200822/cpython-3.7.9-x86_64-unknown-linux-gnu-pgo-20200823T0036.tar.zst`,
    sha256: 'c6d6256d13e929e77e7ee6e53470fe63ad19d173fee6d56bb1b2dbda67081543',
  },
];

const list = [...OLDER, ...JSON.parse(readFileSync(process.argv[2], 'utf8'))];
const newest = new Map();
for (const row of list) {
  if (!row.url.startsWith(PREFIX)) throw new Error(`not below ${PREFIX}: ${row.url}`);
  const key = `${row.python} ${row.arch}`;
  if ((newest.get(key)?.build ?? '') <= row.build) newest.set(key, row);
}
const numbers = (version) => version.split('.').map(Number);
const order = (a, b) => {
  const [x, y] = [numbers(a.python), numbers(b.python)];
  return x[0] - y[0] || x[1] - y[1] || x[2] - y[2] || (a.arch < b.arch ? -1 : 1);
};
const rows = [...newest.values()]
  .sort(order)
  .map(({ python, arch, build, url, sha256 }) =>
    JSON.stringify({ python, architecture: ARCHITECTURES[arch], build, path: url.slice(PREFIX.length), sha256 }),
  );
const dates = [...newest.values()].map(({ build }) => build).sort();
const text = `{\n  "prefix": ${JSON.stringify(PREFIX)},\n  "newest": ${JSON.stringify(dates.at(-1))},\n  "builds": [\n    ${rows.join(',\n    ')}\n  ]\n}\n`;
writeFileSync(new URL('../src/plan/tables/python-builds.json', import.meta.url), text);
console.log(`${rows.length} builds, the newest of ${dates.at(-1)}`);

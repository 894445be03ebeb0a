// Holds the Debian tree that cogplan composes against the one that dpkg configures (mmdebstrap, root needed): every path,
// type, mode, owner, link and content. Prints how many differences each explained kind covers, and those that none covers.
// Usage: npm run debian-oracle [-- --keep] [PACKAGE…] (default: the hundred of test/oracle/debian-packages.json). Run `npm run build` before.
// With --keep both trees stay, for a closer look.
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../bench/lib/measure.mjs';
import { servePackages } from '../bench/lib/package-server.mjs';

const ANOTHER_ORDER = 'the same lines in another order';
const OTHER_NUMBERS = 'numbers of accounts that scripts make: cogplan has one for each name, dpkg takes the next';
const root = fileURLToPath(new URL('..', import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
const kinds = readJson(join(root, 'test/oracle/explained-paths.json')).map(({ kind, pattern }) => ({
  kind,
  pattern: new RegExp(pattern),
}));
const keeps = process.argv.includes('--keep');
const asked = process.argv.slice(2).filter((word) => word !== '--keep');
const names = asked.length > 0 ? asked : readJson(join(root, 'test/oracle/debian-packages.json'));
const directory = mkdtempSync(join(tmpdir(), 'cogplan-oracle-'));
try {
  const target = await applied(names);
  await configured(target);
  process.exitCode = report(compare(join(directory, 'bundle/rootfs'), join(directory, 'peer')), target);
} finally {
  if (keeps) console.log(`ours: ${directory}/bundle/rootfs, configured: ${directory}/peer`);
  else rmSync(directory, { recursive: true, force: true });
}

async function applied(packages) {
  const project = join(directory, 'project');
  mkdirSync(project);
  const list = packages.map((name) => `    - ${name}\n`).join('');
  writeFileSync(join(project, 'cog.yaml'), `build:\n  python_version: "3.11"\n  system_packages:\n${list}`);
  writeFileSync(join(project, 'cogplan.yaml'), 'configure: sealed\n');
  const cogplan = (...words) => run(process.execPath, [join(root, 'dist/cli/main.js'), ...words, '--quiet']);
  await cogplan('lock', project, '--yes');
  await cogplan('apply', project, '-o', `oci:${join(directory, 'layout')}`);
  const { manifests } = readJson(join(directory, 'layout/index.json'));
  const tag = manifests[0].annotations['org.opencontainers.image.ref.name'];
  await run('umoci', ['unpack', '--image', `${directory}/layout:${tag}`, join(directory, 'bundle')]);
  rmSync(join(directory, 'layout'), { recursive: true });
  return readJson(join(project, 'cogplan.lock')).targets['linux/amd64'];
}

async function configured(target) {
  const store = (await run(process.execPath, [join(root, 'dist/cli/main.js'), 'store', 'path'])).stdout.trim();
  const blob = ({ sha256 }) => join(store, 'blobs/sha256', sha256);
  const server = await servePackages({ ...target, python: { packages: [] } }, { blob });
  try {
    await run('mmdebstrap', [
      '--variant=essential',
      '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
      `--include=${target.system.packages.map(({ name }) => name).join(',')}`,
      '--format=directory',
      '',
      join(directory, 'peer'),
      `deb [trusted=yes] ${server.url}/debs/ ./`,
    ]);
  } finally {
    await server.close();
  }
}

function compare(ours, peer) {
  const [mine, theirs] = [walk(ours), walk(peer)];
  const accounts = [accountsOf(ours), accountsOf(peer)];
  const differences = [];
  for (const path of [...new Set([...mine.keys(), ...theirs.keys()])].sort()) {
    const [a, b] = [mine.get(path), theirs.get(path)];
    if (a === undefined) differences.push({ path, what: 'only configured' });
    else if (b === undefined) differences.push({ path, what: 'only ours' });
    else {
      const [x, y] = [join(ours, path), join(peer, path)];
      const what = otherOwner(a, b, accounts) ?? difference(x, y, a, b);
      if (what !== undefined) differences.push({ path, what });
    }
  }
  return { differences, paths: mine.size };
}

function difference(ours, peer, a, b) {
  if ((a.mode & 0o170000) !== (b.mode & 0o170000)) return 'another type';
  if (a.isSymbolicLink()) {
    const [x, y] = [readlinkSync(ours), readlinkSync(peer)];
    return x === y ? undefined : `link to ${x}, not ${y}`;
  }
  if (a.mode !== b.mode) return `mode ${(a.mode & 0o7777).toString(8)}, not ${(b.mode & 0o7777).toString(8)}`;
  if (!a.isFile()) return undefined;
  if (a.size === b.size && digest(ours) === digest(peer)) return undefined;
  if (ours.includes('/var/lib/dpkg/') && sortedLines(ours) === sortedLines(peer)) return ANOTHER_ORDER;
  if (/\/etc\/(passwd|group)$/.test(ours) && withoutNumbers(ours) === withoutNumbers(peer)) return OTHER_NUMBERS;
  return a.size === b.size ? 'other bytes' : `${a.size} bytes, not ${b.size}`;
}

/** Owners are compared by name. */
function otherOwner(a, b, [mine, theirs]) {
  const [x, y] = [ownerOf(a, mine), ownerOf(b, theirs)];
  return x === y ? undefined : `owner ${x}, not ${y}`;
}

function ownerOf({ uid, gid }, { users, groups }) {
  return `${users.get(uid) ?? uid}:${groups.get(gid) ?? gid}`;
}

function accountsOf(top) {
  const names = (file) => new Map(linesOf(join(top, 'etc', file)).map((fields) => [Number(fields[2]), fields[0]]));
  return { users: names('passwd'), groups: names('group') };
}

/** Lines of accounts with the numbers left out that are given away one after the other (Debian Policy, 9.2.2). */
function withoutNumbers(path) {
  const given = (field) => (/^\d+$/.test(field) && Number(field) >= 100 && Number(field) < 1000 ? '#' : field);
  return linesOf(path)
    .map((fields) => fields.map(given).join(':'))
    .sort()
    .join('\n');
}

function linesOf(path) {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => line.split(':'));
}

function sortedLines(path) {
  return readFileSync(path, 'utf8').split('\n').sort().join('\n');
}

function digest(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function walk(top) {
  const found = new Map();
  const visit = (path) => {
    for (const name of readdirSync(join(top, path))) {
      const inner = path === '' ? name : `${path}/${name}`;
      const stat = lstatSync(join(top, inner));
      found.set(inner, stat);
      if (stat.isDirectory()) visit(inner);
    }
  };
  visit('');
  return found;
}

function report({ differences, paths }, { system }) {
  const counts = new Map();
  const unexplained = [];
  for (const { path, what } of differences) {
    const kind =
      what === ANOTHER_ORDER || what === OTHER_NUMBERS ? what : kinds.find(({ pattern }) => pattern.test(path))?.kind;
    if (kind === undefined) unexplained.push(`${path}: ${what}`);
    else counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  console.log(`${names.length} packages asked, ${system.packages.length} installed, ${paths} paths`);
  for (const [kind, count] of [...counts].sort((a, b) => b[1] - a[1]))
    console.log(`${String(count).padStart(6)}  ${kind}`);
  console.log(`${String(unexplained.length).padStart(6)}  unexplained`);
  for (const line of unexplained) console.log(`        ${line}`);
  return unexplained.length === 0 ? 0 : 2;
}

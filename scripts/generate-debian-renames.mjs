// Writes src/plan/tables/debian-renames.json: names that a Debian release lacks and another one has, with what took their
// place, from the releases' own indexes. Usage: node scripts/generate-debian-renames.mjs [ARCHIVE-URL]

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ARCHIVE = process.argv[2] ?? 'https://deb.debian.org/debian';
/** Names that no image of a model asks for, and that are most of what changes. */
const LEFT_OUT =
  /^(?:librust-|libghc-|golang-|linux-|node-|ruby-|r-|elpa-|php|libjs-|lib.*-(?:ocaml|java|perl|cil)|kodi-|gap-|lua-|asterisk|postgresql-|pd-|xpra)|-(?:dbg|doc|data|common|l10n|dbgsym|tests?|examples|source|udeb|cross|modules)(?:-|$)/;
/** Oldest first. */
const SUITES = ['bullseye', 'bookworm', 'trixie', 'forky'];
const TARGET = fileURLToPath(new URL('../src/plan/tables/debian-renames.json', import.meta.url));

const releases = [];
for (const suite of SUITES) releases.push(await readSuite(suite));
const renames = {};
for (const here of releases) {
  const found = {};
  const others = releases.filter((release) => release !== here);
  for (const name of [...new Set(others.flatMap(({ packages }) => [...packages.keys()]))].sort()) {
    if (here.packages.has(name) || here.provided.has(name) || LEFT_OUT.test(name)) continue;
    const [best] = successors(name, here, others);
    if (best !== undefined) found[name] = best;
  }
  renames[here.suite] = found;
}
const sources = Object.fromEntries(releases.map(({ suite, date, sha256 }) => [suite, { date, sha256 }]));
const names = [...new Set(Object.values(renames).flatMap((found) => Object.keys(found)))].sort();
const rows = names.map((name) => {
  const found = SUITES.map((suite) => renames[suite][name] ?? '');
  return `    ${JSON.stringify(name)}: ${JSON.stringify(found.join(' '))}`;
});
writeFileSync(
  TARGET,
  `{\n  "sources": ${JSON.stringify(sources, null, 2).replaceAll('\n', '\n  ')},\n  "renames": {\n${rows.join(',\n')}\n  }\n}\n`,
);
for (const [suite, found] of Object.entries(renames)) console.log(`${suite}: ${Object.keys(found).length} names`);

async function readSuite(suite) {
  const directory = `${ARCHIVE}/dists/${suite}/main/binary-amd64`;
  const date = /^Date: (.*)$/m.exec(await (await fetch(`${ARCHIVE}/dists/${suite}/Release`)).text())[1];
  const compressed = Buffer.from(await (await fetch(`${directory}/Packages.xz`)).arrayBuffer());
  const { stdout } = spawnSync('xz', ['-dc'], { input: compressed, maxBuffer: 256 * 1024 * 1024 });
  const packages = new Map();
  const provided = new Set();
  const replacedBy = new Map();
  for (const stanza of stdout.toString('utf8').split('\n\n')) {
    const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1];
    const name = field('Package');
    if (name === undefined) continue;
    const names = (text) =>
      (text ?? '')
        .split(',')
        .map((item) => item.trim().split(/[\s:(|]/)[0])
        .filter(Boolean);
    packages.set(name, {
      name,
      source: field('Source')?.split(' ')[0] ?? name,
      depends: names(field('Depends')),
      transitional: /transitional|dummy/i.test(field('Description') ?? ''),
    });
    for (const other of names(field('Provides'))) provided.add(other);
    for (const other of names(field('Replaces'))) replacedBy.set(other, [...(replacedBy.get(other) ?? []), name]);
  }
  return { suite, date, sha256: createHash('sha256').update(stdout).digest('hex'), packages, provided, replacedBy };
}

/** What took the place of `name` in a release, likeliest first. */
function successors(name, here, others) {
  const found = [];
  const add = (candidate) => {
    if (candidate !== undefined && here.packages.has(candidate) && candidate !== name) found.push(candidate);
  };
  // A release before made it a transitional package, and says what it stands for.
  for (const { packages } of others) {
    const old = packages.get(name);
    if (old?.transitional && old.depends.length > 0) add(old.depends.find((item) => here.packages.has(item)));
  }
  // The same library under the name of another ABI, or a package of another version of its program.
  const sources = new Set(others.flatMap(({ packages }) => packages.get(name)?.source ?? []));
  const stem = stemOf(name);
  const alike = siblings(here, stem).filter((other) => {
    const { source } = here.packages.get(other);
    return [...sources].some((before) => stemOf(before) === stemOf(source));
  });
  if (alike.length === 1 || /\d/.test(name)) add(alike.at(-1));
  // A package that takes over its files, when only one does.
  const replacing = here.replacedBy.get(name) ?? [];
  if (replacing.length === 1 && sources.has(here.packages.get(replacing[0]).source)) add(replacing[0]);
  return found;
}

function siblings(release, stem) {
  if (release.stems === undefined) {
    release.stems = new Map();
    for (const name of release.packages.keys()) {
      release.stems.set(stemOf(name), [...(release.stems.get(stemOf(name)) ?? []), name]);
    }
  }
  return [...(release.stems.get(stem) ?? [])].sort(byNumbers);
}

function stemOf(name) {
  return name
    .replace(/t64\b/g, '')
    .replace(/\d+(?:[.-]\d+)*[a-z]?(?=-|$)/g, '#')
    .replace(/\d+/g, '#');
}

function byNumbers(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}

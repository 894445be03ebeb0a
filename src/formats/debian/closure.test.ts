import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { asSha256 } from '../../digest.ts';
import { ChosenPackages, dependencyEdges, type PackageUniverse, resolveClosure } from './closure.ts';
import { parseControl } from './control.ts';
import { readDpkgStatus } from './dpkg-status.ts';
import { type PackageFacts, type PackageRecord, readPackageRecord } from './package-record.ts';
import { compareDebianVersions } from './version.ts';

const FILE = { url: 'http://archive/x.deb', sha256: asSha256('0'.repeat(64)), size: 1 };

/** A universe of stanzas, newest version first. */
function universe(text: string): PackageUniverse {
  const records = parseControl(text, 'test').map((stanza) => readPackageRecord(stanza, FILE, 'amd64'));
  const order = (list: PackageRecord[]) =>
    list.sort(
      (a, b) =>
        a.priority - b.priority ||
        (a.name < b.name ? -1 : a.name > b.name ? 1 : compareDebianVersions(b.version, a.version)),
    );
  return {
    named: (name) => order(records.filter((record) => record.name === name)),
    providing: (name) =>
      order(records.filter((record) => record.name !== name && record.provides.some((item) => item.name === name))),
  };
}

/** `name [version] [Field: value; …]`, one package a line. */
function packages(...lines: string[]): PackageUniverse {
  const stanzas = lines.map((line) => {
    const [head = '', ...fields] = line.split(';').map((part) => part.trim());
    const [name, version = '1'] = head.split(' ');
    return [`Package: ${name}`, `Version: ${version}`, 'Architecture: amd64', ...fields].join('\n');
  });
  return universe(stanzas.join('\n\n'));
}

function names(offer: PackageUniverse, ...roots: string[]): readonly string[] {
  const result = resolveClosure({ universe: offer, installed: [], roots });
  if (result.kind === 'failed') throw new Error(JSON.stringify(result.problem));
  return result.packages.map(({ name, version }) => (version === '1' ? name : `${name} ${version}`));
}

function problem(offer: PackageUniverse, ...roots: string[]) {
  const result = resolveClosure({ universe: offer, installed: [], roots });
  return result.kind === 'failed' ? result.problem : undefined;
}

describe('the answers of apt 2.6 on Debian 12', () => {
  const fixtures = new URL('../../../test/fixtures/debian/', import.meta.url);
  const offer = universe(readFileSync(new URL('bookworm-packages.txt', fixtures), 'utf8'));
  const answers: readonly { readonly name: string; readonly roots: string[]; readonly answer: string[] }[] = JSON.parse(
    readFileSync(new URL('bookworm-apt-answers.json', fixtures), 'utf8'),
  );
  const installed: PackageRecord[] = [];
  test.each(answers)('$name', ({ name, roots, answer }) => {
    const result = resolveClosure({ universe: offer, installed: [...installed], roots });
    if (result.kind !== 'closure') throw new Error(JSON.stringify(result.problem));
    expect(result.packages.map((record) => `${record.name} ${record.version}`).sort()).toEqual(answer);
    if (name === 'base' || name === 'python') installed.push(...result.packages);
  });
});

describe('what is chosen', () => {
  test('the newest version, Pre-Depends and Depends, no Recommends', () => {
    const offer = packages(
      'a 1; Depends: x',
      'a 2; Pre-Depends: b; Depends: c (>= 2); Recommends: d',
      'b',
      'c 2',
      'd',
      'x',
    );
    expect(names(offer, 'a')).toEqual(['a 2', 'b', 'c 2']);
  });

  test('an older version, where only that satisfies', () => {
    expect(names(packages('a; Depends: b (<< 2)', 'b 1', 'b 2'), 'a')).toEqual(['a', 'b']);
    expect(names(packages('a; Depends: b (= 1)', 'b 1', 'b 2', 'c; Depends: b'), 'c', 'a')).toEqual(['a', 'b', 'c']);
  });

  test('the first alternative, unless another is chosen already', () => {
    const offer = packages('a; Depends: x | y', 'x', 'y', 'z; Depends: y');
    expect(names(offer, 'a')).toEqual(['a', 'x']);
    expect(names(offer, 'a', 'y')).toEqual(['a', 'y']);
    expect(names(offer, 'z', 'a')).toEqual(['a', 'y', 'z']);
  });

  test('the first alternative that exists', () => {
    expect(names(packages('a; Depends: gone | x (>= 9) | y', 'x', 'y'), 'a')).toEqual(['a', 'y']);
  });

  test('a provider of a virtual name, by priority and then by name; a real package before it', () => {
    const offer = packages(
      'a; Depends: v',
      'p2; Provides: v',
      'p1; Provides: v',
      'p9; Priority: required; Provides: v',
    );
    expect(names(offer, 'a')).toEqual(['a', 'p9']);
    expect(names(packages('a; Depends: v', 'p; Provides: v', 'v'), 'a')).toEqual(['a', 'v']);
  });

  test('a versioned dependency is met by a versioned Provides only', () => {
    const offer = packages(
      'a; Depends: v (>= 2)',
      'p1; Provides: v',
      'p2; Provides: v (= 1)',
      'p3; Provides: v (= 2.1)',
    );
    expect(names(offer, 'a')).toEqual(['a', 'p3']);
  });

  test('name:any is met by Multi-Arch: allowed alone', () => {
    expect(problem(packages('a; Depends: b:any', 'b'), 'a')).toMatchObject({ kind: 'missing', dependency: 'b:any' });
    expect(names(packages('a; Depends: b:any', 'b; Multi-Arch: allowed'), 'a')).toEqual(['a', 'b']);
    expect(names(packages('a; Depends: b:amd64', 'b'), 'a')).toEqual(['a', 'b']);
    expect(problem(packages('a; Depends: b:arm64', 'b'), 'a')?.kind).toBe('missing');
  });

  test('a name that one package provides may be asked for', () => {
    expect(names(packages('new; Provides: old'), 'old')).toEqual(['new']);
    expect(problem(packages('p; Provides: v', 'q; Provides: v'), 'v')).toEqual({
      kind: 'ambiguous',
      root: 'v',
      providers: ['p', 'q'],
    });
  });

  test('circles end', () => {
    expect(names(packages('a; Depends: b', 'b; Depends: a'), 'a')).toEqual(['a', 'b']);
  });

  test('what is installed counts, and is not given again', () => {
    const offer = packages('a; Depends: x | y', 'x', 'y');
    const installed = [...offer.named('y')];
    const result = resolveClosure({
      universe: { ...offer, named: (name) => (name === 'y' ? installed : offer.named(name)) },
      installed,
      roots: ['a', 'y'],
    });
    expect(result).toMatchObject({ kind: 'closure', packages: [{ name: 'a' }] });
  });
});

describe('recommended packages', () => {
  const taking = (offer: PackageUniverse, by: readonly string[] | 'all', ...roots: string[]) => {
    const takesRecommended = ({ name }: PackageFacts) => by === 'all' || by.includes(name);
    const result = resolveClosure({ universe: offer, installed: [], roots, takesRecommended });
    if (result.kind === 'failed') throw new Error(JSON.stringify(result.problem));
    return result.packages.map(({ name }) => name);
  };

  test('are taken for those packages only that are named, and after what these need', () => {
    const offer = packages('a; Depends: b; Recommends: r | s', 'b; Recommends: t', 'r; Recommends: u', 's', 't', 'u');
    expect(taking(offer, [], 'a')).toEqual(['a', 'b']);
    expect(taking(offer, ['a'], 'a')).toEqual(['a', 'b', 'r']);
    expect(taking(offer, 'all', 'a')).toEqual(['a', 'b', 'r', 't', 'u']);
    expect(taking(offer, ['a'], 'a', 's')).toEqual(['a', 'b', 's']);
  });

  test('that cannot be had are left out with all that they brought', () => {
    const offer = packages('a; Recommends: r | s, gone', 'r; Depends: x, missing', 's; Depends: y', 'x', 'y');
    expect(taking(offer, 'all', 'a')).toEqual(['a', 's', 'y']);
    const failing = packages('a; Recommends: r', 'r; Depends: x, q', 'x; Conflicts: z', 'q; Depends: none', 'z');
    expect(taking(failing, 'all', 'a', 'z')).toEqual(['a', 'z']);
    expect(taking(failing, 'all', 'a')).toEqual(['a']);
  });

  test('give way to what is needed', () => {
    const offer = packages('a; Recommends: r', 'r; Depends: x', 'x', 'b; Depends: c', 'c; Conflicts: x');
    expect(taking(offer, 'all', 'a', 'b')).toEqual(['a', 'b', 'c']);
    const needed = packages('a; Recommends: r', 'r', 'b; Depends: r, y | z', 'y; Conflicts: a', 'z');
    expect(taking(needed, 'all', 'a', 'b')).toEqual(['a', 'b', 'r', 'z']);
  });

  test('leave no trace when they are taken back: a later alternative is chosen as if they had never been there', () => {
    const offer = packages(
      'a; Depends: b; Recommends: r',
      'r; Depends: p, gone',
      'p; Provides: v; Conflicts: w',
      'b',
      'c; Depends: v | w',
      'w',
    );
    expect(taking(offer, 'all', 'a', 'c')).toEqual(['a', 'b', 'c', 'p']);
    const other = packages('a; Recommends: r', 'r; Depends: p, gone', 'p; Conflicts: w', 'c; Depends: w', 'w');
    expect(taking(other, 'all', 'a', 'c')).toEqual(['a', 'c', 'w']);
  });
});

describe('conflicts', () => {
  test('a conflicting alternative is passed over, whoever declares it', () => {
    expect(names(packages('a; Depends: b, x | y', 'b', 'x; Conflicts: b', 'y'), 'a')).toEqual(['a', 'b', 'y']);
    expect(names(packages('a; Depends: b, x | y', 'b; Breaks: x (<< 2)', 'x', 'y'), 'a')).toEqual(['a', 'b', 'y']);
    expect(names(packages('a; Depends: b, x | y', 'b; Breaks: x (<< 2)', 'x 3', 'y'), 'a')).toEqual(['a', 'b', 'x 3']);
  });

  test('an earlier free choice is taken back', () => {
    const offer = packages('a; Depends: x | y, z', 'x', 'y', 'z; Conflicts: x');
    expect(names(offer, 'a')).toEqual(['a', 'y', 'z']);
  });

  test('a free choice whose own dependencies conflict is taken back', () => {
    const offer = packages('a; Depends: w, p | q', 'w', 'p; Depends: r', 'q', 'r; Conflicts: w');
    expect(names(offer, 'a')).toEqual(['a', 'q', 'w']);
  });

  test('a free choice that lacks something is taken back', () => {
    expect(names(packages('a; Depends: p | q', 'p; Depends: gone', 'q'), 'a')).toEqual(['a', 'q']);
  });

  test('a package may conflict with what it provides itself', () => {
    const offer = packages('a; Depends: m; Provides: v; Conflicts: v', 'm; Depends: v');
    expect(names(offer, 'a')).toEqual(['a', 'm']);
    expect(problem(packages('a; Provides: v; Conflicts: v', 'b; Provides: v'), 'a', 'b')?.kind).toBe('conflict');
  });

  test('those that cannot be avoided are told with both ways there', () => {
    expect(
      problem(packages('a; Depends: b', 'b; Depends: c', 'c; Conflicts: z', 'y; Depends: z', 'z'), 'y', 'a'),
    ).toEqual({
      kind: 'conflict',
      chain: ['a 1', 'b 1'],
      dependency: 'c',
      reason: 'c 1 conflicts with z',
      otherChain: ['y 1', 'z 1'],
    });
  });

  test('two versions of one package cannot be chosen', () => {
    const offer = packages('a; Depends: b (= 1)', 'c; Depends: b (= 2)', 'b 1', 'b 2');
    expect(problem(offer, 'a', 'c')).toMatchObject({ kind: 'conflict', reason: 'b 1 is chosen already' });
  });
});

test('what is missing is told with the way there', () => {
  expect(problem(packages('a; Depends: b', 'b; Depends: c | d (>= 3)'), 'a')).toEqual({
    kind: 'missing',
    chain: ['a 1', 'b 1'],
    dependency: 'c | d (>= 3)',
  });
  expect(problem(packages('a'), 'zz')).toEqual({ kind: 'unknown', root: 'zz' });
});

test('edges name what satisfies each dependency, sorted, once, and never the package itself', () => {
  const offer = packages('a; Depends: v, b | c, b, a2', 'b', 'p; Provides: v', 'a2; Provides: self; Depends: self');
  const result = resolveClosure({ universe: offer, installed: [], roots: ['a'] });
  if (result.kind !== 'closure') throw new Error('no closure');
  const chosen = new ChosenPackages(result.packages);
  const edges = Object.fromEntries(result.packages.map((record) => [record.name, dependencyEdges(record, chosen)]));
  expect(edges).toEqual({ a: ['a2', 'b', 'p'], a2: [], b: [], p: [] });
});

describe('on top of packages that may become newer', () => {
  const on = (installed: string, offer: PackageUniverse, ...roots: string[]) => {
    const before = readDpkgStatus(installed, 'amd64', 'status');
    const result = resolveClosure({ universe: offer, installed: before, roots, replaceable: true });
    if (result.kind === 'failed') return result.problem;
    return result.packages.map(({ name, version }) => `${name} ${version}`);
  };
  const status = (...lines: string[]) =>
    lines
      .map((line) => {
        const [head = '', ...fields] = line.split(';').map((part) => part.trim());
        const [name, version = '1', state = 'install ok installed'] = head.split(' ', 2);
        return [`Package: ${name}`, `Status: ${state}`, `Version: ${version}`, 'Architecture: amd64', ...fields].join(
          '\n',
        );
      })
      .join('\n\n');

  test('what is there is enough, but a root is brought up to date', () => {
    const offer = packages('curl 2;Depends: libcurl4 (>= 1)', 'libcurl4 2', 'wget;Depends: libssl');
    expect(on(status('curl 1', 'libcurl4 1'), offer, 'curl')).toEqual(['curl 2']);
    expect(on(status('curl 3', 'libcurl4 1'), offer, 'curl')).toEqual([]);
    expect(on(status('curl 2', 'libcurl4 1'), offer, 'curl', 'libcurl4')).toEqual(['libcurl4 2']);
  });

  test('a development package brings its library up to date, and those that go in step with it', () => {
    const offer = packages(
      'libssl-dev 2;Depends: libssl (= 2)',
      'libssl 2',
      'openssl 2;Depends: libssl (= 2)',
      'untouched 2;Depends: libssl',
    );
    const installed = status('libssl 1', 'openssl 1;Depends: libssl (= 1)', 'untouched 1;Depends: libssl');
    expect(on(installed, offer, 'libssl-dev')).toEqual(['libssl 2', 'libssl-dev 2', 'openssl 2']);
  });

  test('what a newer package breaks becomes newer, or stands in the way', () => {
    const offer = packages('a 2;Breaks: b (<< 2)', 'b 2', 'c 2;Conflicts: d', 'd 1');
    expect(on(status('b 1'), offer, 'a')).toEqual(['a 2', 'b 2']);
    expect(on(status('d 1'), offer, 'c')).toMatchObject({ kind: 'conflict', reason: 'c 2 conflicts with d' });
  });

  test('an exact dependency on an older version than the one there is refused', () => {
    const offer = packages('a;Depends: b (= 1)', 'b 1');
    expect(on(status('b 2'), offer, 'a')).toMatchObject({ kind: 'conflict', reason: 'b 2 is chosen already' });
  });

  test('what was broken before is nobody’s business', () => {
    const offer = packages('a');
    expect(on(status('odd;Depends: gone'), offer, 'a')).toEqual(['a 1']);
  });
});

test('a dpkg status lists what is installed, and nothing else', () => {
  const text = [
    'Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64',
    'Package: b\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64',
    'Package: c\nStatus: install ok half-configured\nVersion: 1\nArchitecture: amd64',
    'Package: d\nStatus: hold ok installed\nVersion: 1\nArchitecture: all',
    'Package: e\nStatus: install ok installed\nVersion: 1\nArchitecture: i386',
    'Package: f\nVersion: 1\nArchitecture: amd64',
  ].join('\n\n');
  expect(readDpkgStatus(text, 'amd64', 'status').map(({ name }) => name)).toEqual(['a', 'd', 'f']);
});

import type { WheelEnvironment } from '../../src/formats/python/wheel-tags.ts';
import type { PublishedWheel } from '../servers/package-index.ts';

/** How the wheels of a universe are published. */
export type Shape = 'json' | 'html' | 'bare-html' | 'two-indexes' | 'links';

/** A small world of projects, and what somebody asks of it. */
export interface Universe {
  readonly environment: WheelEnvironment;
  readonly shape: Shape;
  readonly wheels: readonly PublishedWheel[];
  /** Lines of requirements.txt, without where the packages come from. */
  readonly lines: readonly string[];
  /** Lines of the file that `-c` names; none when empty. */
  readonly constraints: readonly string[];
}

const ENVIRONMENTS: readonly WheelEnvironment[] = [
  { version: '3.11.2', platform: 'linux/amd64', glibc: '2.36' },
  { version: '3.9.2', platform: 'linux/amd64', glibc: '2.31' },
  { version: '3.13.5', platform: 'linux/arm64', glibc: '2.41' },
  { version: '3.7.17', platform: 'linux/amd64', glibc: '2.28' },
];
const SHAPES: readonly Shape[] = ['json', 'json', 'html', 'bare-html', 'two-indexes', 'links'];

/** Normal form of a name, and the spellings that requirements and wheels use for it. */
const NAMES: readonly (readonly [string, ...string[]])[] = [
  ['alpha', 'Alpha', 'ALPHA'],
  ['beta-lib', 'beta_lib', 'Beta.Lib', 'beta--lib'],
  ['gamma', 'Gamma'],
  ['delta-y-core', 'delta.y_core', 'Delta-Y.Core'],
  ['epsilon2', 'Epsilon2'],
  ['zeta', 'zeta'],
  ['eta-plugin', 'eta_plugin', 'eta.plugin'],
];

const VERSIONS: readonly string[] = [
  ...['0.9', '1.0', '1.0.0.post1', '1.0.1', '1.1a1', '1.1rc1', '1.1', '1.2', '1.2.1', '1.10', '2.0.dev1', '2.0b2'],
  ...['2.0rc1', '2.0', '2.0.1', '2.1', '3.0a1', '3.0', '2026.11', '1.0+local.1', '1!0.5'],
];

type Random = () => number;

/** The world of a seed: the same on every machine. */
export function universeOf(seed: number): Universe {
  const random = mulberry32(seed);
  const pick = picker(random);
  const chance = (probability: number): boolean => random() < probability;
  const environment = pick(ENVIRONMENTS);
  const projects = NAMES.slice(0, 4 + Math.floor(random() * (NAMES.length - 3))).map(([name, ...spellings]) => ({
    name,
    spellings: [name, ...spellings],
    versions: some(random, VERSIONS, 2 + Math.floor(random() * 7)),
    extras: chance(0.4) ? ['fast', 'all_things'] : [],
  }));
  type Project = (typeof projects)[number];

  const specifier = (of: Project): string => {
    const version = chance(0.85) ? pick(of.versions) : pick(VERSIONS);
    const release = /^(?:\d+!)?(\d+(?:\.\d+)*)/.exec(version)?.[0] ?? '1';
    const upToPublic = version.replace(/\+.*/, '');
    const [first = '1'] = release.split('.');
    const forms: readonly (() => string)[] = [
      () => '',
      () => '',
      () => '',
      () => `>=${release}`,
      () => `>=${first}`,
      () => `<=${upToPublic}`,
      () => `!=${upToPublic}`,
      () => `==${version}`,
      () => `==${upToPublic}`,
      () => `>=${upToPublic}`,
      () => `>=${release}`,
      () => `<=${upToPublic}`,
      () => `<${upToPublic}`,
      () => `>${upToPublic}`,
      () => `!=${upToPublic}`,
      () => `!=${first}.*`,
      () => `==${first}.*`,
      () => `==${release}.*`,
      () => (release.includes('.') ? `~=${release}` : `>=${release}`),
      () => `===${version}`,
      () => `>=${release},!=${pick(VERSIONS).replace(/\+.*/, '')}`,
      () => `>=0.9,<${release.split('.').map(Number)[0] ?? 0}.99`,
    ];
    return pick(forms)();
  };
  const marker = (): string =>
    pick([
      'python_version < "3.10"',
      'python_version >= "3.10"',
      'python_full_version >= "3.9.2"',
      'sys_platform == "linux"',
      'sys_platform == "win32"',
      'platform_machine == "aarch64"',
      'platform_machine == "x86_64" and python_version > "3.7"',
      'python_version in "3.9 3.11"',
      'implementation_name == "cpython" or os_name == "nt"',
      'platform_python_implementation != "CPython"',
      'python_version == "3.13"',
      'python_version ~= "3.8"',
    ]);
  const requirement = (of: Project, tail = ''): string => {
    const extras = of.extras.length > 0 && chance(0.4) ? `[${some(random, of.extras, 1 + Number(chance(0.3)))}]` : '';
    return `${pick(of.spellings)}${extras}${specifier(of)}${tail}`;
  };

  const wheels = projects.flatMap((project, at): readonly PublishedWheel[] =>
    project.versions.flatMap((version): readonly PublishedWheel[] => {
      const others = projects.filter((other, index) => (chance(0.9) ? index > at : other !== project));
      const needs = some(random, others, Math.floor(random() * 3)).map((other) =>
        requirement(other, chance(0.25) ? ` ; ${marker()}` : ''),
      );
      const optional = project.extras.flatMap((extra) =>
        some(random, others, Math.floor(random() * 2)).map((other) =>
          requirement(other, ` ; extra == "${pick([extra, extra.replace('_', '-')])}"`),
        ),
      );
      const requiresPython = chance(0.25)
        ? pick(['>=3.8', '>=3.10', '<3.10', '>=3.6,<4', '!=3.11.*', '>=3.9.1', '~=3.7', '>=2.7,!=3.0.*', '>=3.13'])
        : undefined;
      const yanked = chance(0.1) ? pick(['', 'broken build']) : undefined;
      const metadata = [
        ...(requiresPython === undefined ? [] : [`Requires-Python: ${requiresPython}`]),
        ...project.extras.map((extra) => `Provides-Extra: ${extra}`),
        ...[...needs, ...optional].map((line) => `Requires-Dist: ${line}`),
      ];
      const name = pick(project.spellings).replace(/[-.]+/g, '_');
      return tagsOf(environment, { random, chance }).map((tags) => ({
        name,
        version,
        tags,
        metadata,
        ...(requiresPython === undefined ? {} : { requiresPython }),
        ...(yanked === undefined ? {} : { yanked }),
      }));
    }),
  );
  const asked = some(random, projects, 1 + Math.floor(random() * 3));
  const lines = asked.map((project) => requirement(project, chance(0.15) ? ` ; ${marker()}` : ''));
  const [first] = asked;
  if (first !== undefined && chance(0.15)) lines.push(requirement(first));
  if (chance(0.08)) lines.unshift('--pre');
  const constraints = chance(0.2)
    ? some(random, projects, 1).map(({ name, ...of }) => `${name}${specifier({ name, ...of })}`)
    : [];
  return {
    environment,
    shape: pick(SHAPES),
    wheels,
    lines,
    constraints: constraints.filter((line) => /[<>=!~]/.test(line)),
  };
}

/** The wheels of a version: of none, one or several makes, not all of which fit. */
function tagsOf(
  { version, platform }: WheelEnvironment,
  { random, chance }: { readonly random: Random; readonly chance: (probability: number) => boolean },
): readonly string[] {
  const machine = platform === 'linux/amd64' ? 'x86_64' : 'aarch64';
  const minor = Number(version.split('.')[1]);
  const abi = minor < 8 ? `cp3${minor}m` : `cp3${minor}`;
  if (chance(0.4)) return chance(0.3) ? ['py2.py3-none-any'] : ['py3-none-any'];
  return some(
    random,
    [
      'py3-none-any',
      'py2.py3-none-any',
      '1-py3-none-any',
      '2b-py3-none-any',
      '10-py3-none-any',
      `py3${minor}-none-any`,
      `py3${minor - 2}-none-any`,
      `cp3${minor}-none-any`,
      'py2-none-any',
      `cp3${minor}-${abi}-manylinux_2_17_${machine}.manylinux2014_${machine}`,
      `cp3${minor}-${abi}-manylinux_2_28_${machine}`,
      `cp3${minor}-${abi}-manylinux_2_34_${machine}`,
      `cp3${minor}-${abi}-linux_${machine}`,
      `cp3${minor}-abi3-manylinux2014_${machine}`,
      `cp36-abi3-manylinux_2_17_${machine}`,
      `cp37-abi3-manylinux_2_28_${machine}`,
      `1-cp37-abi3-manylinux_2_28_${machine}`,
      `cp3${minor + 1}-abi3-manylinux_2_17_${machine}`,
      `cp3${minor}-none-manylinux_2_17_${machine}`,
      `py3-none-manylinux_2_17_${machine}`,
      `py3-none-linux_${machine}`,
      `cp3${minor}-${abi}-win_amd64`,
      `cp3${minor}-${abi}-macosx_11_0_arm64`,
      `cp3${minor}-${abi}-musllinux_1_2_${machine}`,
      `cp3${minor}-${abi}-manylinux_2_17_${machine === 'x86_64' ? 'aarch64' : 'x86_64'}`,
      `cp3${minor}-cp3${minor}t-manylinux_2_17_${machine}`,
      `cp3${minor + 1}-cp3${minor + 1}-manylinux_2_17_${machine}`,
      `pp3${minor}-pypy3${minor}_pp73-manylinux_2_17_${machine}`,
    ],
    1 + Math.floor(random() * 4),
  );
}

/** `count` of the items, in the order in which they stand. */
function some<T>(random: Random, items: readonly T[], count: number): readonly T[] {
  const chosen = new Set<T>();
  const most = Math.min(count, items.length);
  const pick = picker(random);
  while (chosen.size < most) chosen.add(pick(items));
  return items.filter((item) => chosen.has(item));
}

function picker(random: Random): <T>(items: readonly T[]) => T {
  return (items) => items[Math.floor(random() * items.length)] as (typeof items)[number];
}

/** A small generator of numbers in [0, 1) with 32 bits of state. */
function mulberry32(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

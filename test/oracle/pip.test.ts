import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CogplanError } from '../../src/errors.ts';
import { readSpec } from '../../src/spec/read-spec.ts';
import { aContext } from '../builders/context.ts';
import { KINDS } from '../recorded/kinds.ts';
import { environmentOf, RECORDING, resolveKind, writeKind } from '../recorded/resolve-kind.ts';
import { openRecordedIndex, type RecordedIndex } from '../servers/recorded-index.ts';
import { answerFaults } from './answer-faults.ts';
import { askCogplan, type OpenUniverse, openUniverse } from './ask-cogplan.ts';
import { askPip, type Picked, type PipQuestion } from './ask-pip.ts';
import { askUv } from './ask-uv.ts';
import { differenceOf } from './compare.ts';

/*
 * The files that are chosen are those that `pip install --dry-run --report` names for the same Python and the same index: for the recorded kinds, and for small
 * worlds made from seeds. Where they are others, the tables below say why; an entry that is no longer true fails like one that is missing.
 * `COGPLAN_ORACLE_SEEDS=1000-1400 npx vitest run test/oracle` compares as many more, and prints where they part.
 */

/** Why answers differ; docs/python-packages.md tells the same to people. */
const WHY = {
  plain: 'pip takes a plain linux_x86_64 tag before manylinux; cogplan the one that says what it needs',
  dependency: 'only a dependency names a pre-release: pip takes the newest pre-release then, cogplan a final release',
  order: 'two sound answers: pip goes back to older versions of what it met first, cogplan of what conflicts',
  'gives-up':
    'pip looks at no pre-release where a final release would fit, even if that was yanked or leads to a conflict',
} as const;

/** What uv picks by itself is other for one of two reasons. */
const WHY_UV = {
  bounds: 'uv looks at the lower bound of Requires-Python alone',
  named: 'uv takes a final release although the project names a pre-release',
  conflict: 'uv takes a pre-release where final releases lead to a conflict',
} as const;

interface Difference {
  readonly pip?: readonly [keyof typeof WHY, string];
  readonly uv?: readonly [keyof typeof WHY_UV, string];
}

const DIFFERENT: Readonly<Record<number, Difference>> = {
  5: {
    uv: ['named', 'beta-lib==2.1 delta-y-core==1.10 epsilon2==1.1 eta-plugin==1.1 gamma==2026.11 zeta==2026.11'],
  },
  6: { uv: ['bounds', 'alpha==1.0+local.1 beta-lib==2.0 delta-y-core==1.2.1 gamma==2.0.1'] },
  31: { pip: ['gives-up', 'pip gives no answer'] },
  95: { pip: ['dependency', 'zeta 1.0, pip 2.0b2'] },
  126: {
    pip: ['order', 'epsilon2 1.1, pip leaves it out; eta-plugin 2.1, pip leaves it out; gamma 3.0, pip 1.10'],
  },
  155: { pip: ['plain', 'alpha 1.10: py3-none-manylinux_2_17_x86_64, pip py3-none-linux_x86_64'] },
  158: { pip: ['gives-up', 'pip gives no answer'] },
  204: {
    pip: ['dependency', 'epsilon2 2.0.1, pip 3.0a1'],
    uv: ['conflict', 'alpha==1.2 beta-lib==1.10 delta-y-core==1.2.1 epsilon2==2.1 gamma==2.0.dev1'],
  },
  209: { pip: ['order', 'beta-lib 1!0.5, pip leaves it out; eta-plugin 2.0.1, pip 1.2.1'] },
  230: { pip: ['gives-up', 'pip gives no answer'] },
  232: { pip: ['dependency', 'delta-y-core 1.2, pip 2.0rc1'] },
  275: {
    pip: ['order', 'delta-y-core 2.0, pip 1.10'],
    uv: ['conflict', 'delta-y-core==3.0a1 gamma==2026.11'],
  },
};

const SEEDS = seedsOf(process.env.COGPLAN_ORACLE_SEEDS) ?? [
  ...Array(20).keys(),
  ...[31, 95, 126, 155, 158, 204, 209, 230, 232, 275],
];

describe('recorded answers of PyPI', () => {
  let index: RecordedIndex;
  let directory: string;
  const theirs = new Map<string, Picked>();

  beforeAll(async () => {
    index = await openRecordedIndex(RECORDING, undefined);
    directory = mkdtempSync(join(tmpdir(), 'cogplan-oracle-'));
    const questions: PipQuestion[] = [];
    for (const kind of KINDS) {
      const place = join(directory, kind.name);
      writeKind(place, kind);
      questions.push({
        environment: await environmentOf(place),
        arguments: ['--index-url', index.simple, ...(await requirementsOf(place))],
      });
    }
    const answers = await askPip(questions);
    for (const [at, { name }] of KINDS.entries()) theirs.set(name, answers[at] ?? { failure: 'not asked' });
  });
  afterAll(async () => {
    await index.close();
    rmSync(directory, { recursive: true });
  });

  test.each(KINDS.map(({ name }) => name))('%s', async (name) => {
    const mirrors = `${index.mirrors},https://download.pytorch.org/=http://127.0.0.1:9/`;
    const context = await aContext({ COGPLAN_MIRRORS: mirrors });
    const ours = await resolveKind(context, join(directory, name)).then(
      ({ python }): Picked => ({
        files: python.packages.map(({ file: { url, sha256 }, ...item }) => ({
          ...item,
          filename: lastSegment(url),
          sha256,
        })),
      }),
      refusal,
    );
    context.dispose();
    expect(differenceOf(ours, theirs.get(name) ?? { failure: '' })).toBeUndefined();
    expect(index.missing).toEqual([]);
  });
});

describe('generated inputs', () => {
  let open: readonly OpenUniverse[];
  let theirs: readonly Picked[];
  let answered = 0;

  beforeAll(async () => {
    open = await Promise.all(SEEDS.map(openUniverse));
    theirs = await askPip(open);
  });
  afterAll(async () => {
    for (const universe of open) await universe.close();
  });

  test.each(SEEDS.map((seed, at) => [seed, at] as const))('seed %d', async (seed, at) => {
    const universe = open[at] as OpenUniverse;
    const ours = await askCogplan(universe);
    if ('files' in ours) answered++;
    expect('failure' in ours ? [] : answerFaults(universe, ours.files)).toEqual([]);
    const pins = 'failure' in ours ? 'none' : ours.files.map(({ name, version }) => `${name}==${version}`).join(' ');
    const uv = (await askUv(universe.environment, join(universe.directory, 'r.txt')))?.join(' ') ?? 'none';
    const { pip, uv: known } = DIFFERENT[seed] ?? {};
    expect({ pip: differenceOf(ours, theirs[at] as Picked), uv: uv === pins ? undefined : uv }).toEqual({
      pip: pip?.[1],
      uv: known?.[1],
    });
  });

  test('most of them have an answer, and no explanation is left over', () => {
    expect(answered).toBeGreaterThan(SEEDS.length / 2);
    const isChosen = process.env.COGPLAN_ORACLE_SEEDS !== undefined;
    expect(isChosen ? [] : Object.keys(DIFFERENT).filter((seed) => !SEEDS.includes(Number(seed)))).toEqual([]);
  });
});

/** What pip is told of a project: no hashes, for a recording has no bytes to compare with them, and no cog, which the image has of its own. */
async function requirementsOf(directory: string): Promise<readonly string[]> {
  const { requirements } = await readSpec(directory);
  const write = (file: string, lines: readonly { readonly text: string }[]): readonly string[] => {
    writeFileSync(join(directory, file), lines.map(({ text }) => `${text}\n`).join(''));
    return lines.length === 0 ? [] : [join(directory, file)];
  };
  return [
    ...write('asked.txt', requirements.requirements).flatMap((path) => ['-r', path]),
    ...write('limits-of-all.txt', requirements.constraints).flatMap((path) => ['-c', path]),
  ];
}

function refusal(error: unknown): Picked {
  if (error instanceof CogplanError) return { failure: `${error.code}: ${error.message}` };
  throw error;
}

function lastSegment(url: string): string {
  return decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
}

function seedsOf(text: string | undefined): readonly number[] | undefined {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(text ?? '') ?? [];
  return from === undefined
    ? undefined
    : Array.from({ length: Number(to) - Number(from) }, (_, at) => Number(from) + at);
}

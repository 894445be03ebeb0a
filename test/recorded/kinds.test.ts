import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../src/context.ts';
import { CogplanError } from '../../src/errors.ts';
import type { PythonResolution } from '../../src/plan/families.ts';
import { resolvePython } from '../../src/plan/python/resolve.ts';
import { PYTHONS } from '../../src/plan/tables/pythons.ts';
import { applyEdits, type Fix, fixesOf } from '../../src/spec/edit-spec.ts';
import { readSpec } from '../../src/spec/read-spec.ts';
import { aContext, type TestContext } from '../builders/context.ts';
import { thePinnedUv } from '../builders/uv.ts';
import { openRecordedIndex, type RecordedIndex } from '../servers/recorded-index.ts';

/*
 * One input for each kind that real projects come in, against what PyPI answered on the day of the recording. `COGPLAN_RECORD=1 npx vitest run
 * test/recorded` asks PyPI for what is not recorded yet; delete the recording to make it anew.
 */

interface Kind {
  readonly name: string;
  readonly cog: string;
  readonly files?: Readonly<Record<string, string>>;
  /** Some of the packages that come out, as `name==version`. */
  readonly has?: readonly string[];
  readonly accelerator?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: string; readonly line?: number };
  /** Advice, in order; each is followed to the letter and leads to a lock. */
  readonly advice?: readonly RegExp[];
}

const build = (lines: string, python = '3.11') =>
  `build:\n  python_version: "${python}"\n${lines}run: "predict.py:Predictor"\n`;
const packages = (...entries: readonly string[]) =>
  `  python_packages:\n${entries.map((entry) => `    - ${JSON.stringify(entry)}\n`).join('')}`;

const KINDS: readonly Kind[] = [
  { name: 'pinned', cog: build(packages('pillow==10.4.0', 'numpy==1.26.4')), has: ['numpy==1.26.4', 'pillow==10.4.0'] },
  { name: 'bare-names', cog: build(packages('einops', 'tqdm')), has: [] },
  { name: 'ranges', cog: build(packages('numpy>=1.26,<2', 'pyyaml~=6.0')), has: ['numpy==1.26.4'] },
  {
    name: 'spaces-and-case',
    cog: build(packages('numpy ==1.26.4', 'PyYAML >= 6.0', 'Pillow== 10.4.0 ')),
    has: ['pillow==10.4.0'],
  },
  { name: 'wildcard', cog: build(packages('numpy==1.26.*')), has: ['numpy==1.26.4'] },
  { name: 'identity', cog: build(packages('numpy===1.26.4')), has: ['numpy==1.26.4'] },
  {
    name: 'markers',
    cog: build(packages('numpy==1.26.4 ; python_version >= "3.9"', 'tomli ; python_version < "3.11"')),
    has: ['numpy==1.26.4'],
  },
  { name: 'extras', cog: build(packages('requests[socks]==2.32.3')), has: ['pysocks==1.7.1', 'requests==2.32.3'] },
  { name: 'duplicates', cog: build(packages('numpy', 'numpy==1.26.4')), has: ['numpy==1.26.4'] },
  {
    name: 'included-files',
    cog: build('  python_requirements: requirements.txt\n'),
    files: {
      'requirements.txt': '-r more/base.txt\n-c limits.txt\ntqdm\n',
      'more/base.txt': 'numpy # ours\n',
      'limits.txt': 'numpy<2\n',
    },
    has: ['numpy==1.26.4'],
  },
  {
    name: 'hashes',
    cog: build('  python_requirements: requirements.txt\n'),
    files: {
      'requirements.txt':
        'einops==0.8.0 --hash=sha256:9572fb63046264a862693b0a87088af3bdc8c068fde03de63453cbbde245465f \\\n  --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000\n',
    },
    has: ['einops==0.8.0'],
  },
  {
    name: 'cog-itself',
    cog: build(packages('cog==0.9.0', 'einops==0.8.0')),
    has: ['einops==0.8.0'],
  },
  {
    name: 'old-python',
    cog: build(packages('numpy==1.21.6'), '3.9'),
    has: ['numpy==1.21.6'],
  },
  {
    name: 'gpu-torch-two',
    cog: build(`  gpu: true\n${packages('torch==2.3.1')}`),
    has: ['torch==2.3.1', 'nvidia-cuda-runtime-cu12==12.1.105', 'triton==2.3.1'],
    accelerator: { cuda: '12.1', cudnn: '8.9', minimumDriver: '525.60.13' },
  },
  {
    name: 'gpu-cuda-patch-level',
    cog: build(`  gpu: true\n  cuda: "12.1.1"\n${packages('torch==2.3.1')}`),
    has: ['torch==2.3.1'],
    accelerator: { cuda: '12.1' },
  },
  {
    name: 'gpu-torch-one',
    cog: build(`  gpu: true\n${packages('torch==1.12.1')}`, '3.9'),
    has: ['torch==1.12.1'],
    accelerator: { cuda: '10.2', minimumDriver: '440.33' },
  },
  {
    name: 'tensorflow',
    cog: build(`  gpu: true\n${packages('tensorflow==2.15.0')}`),
    has: ['tensorflow==2.15.0'],
    accelerator: { provider: 'wheels' },
  },
  {
    name: 'torch-without-wheel-for-python',
    cog: build(packages('torch==1.8.1')),
    error: { code: 'COGPLAN_NO_WHEEL', line: 4 },
    advice: [/^python_version: "3\.9"$/, /^ask for torch==1\.13\.0$/],
  },
  {
    name: 'torch-family-apart',
    cog: build(`  gpu: true\n${packages('torch==2.3.1', 'torchvision==0.15.2')}`),
    error: { code: 'COGPLAN_PYTHON_UNSATISFIABLE', line: 5 },
    advice: [/^ask for torchvision==0\.18\.1$/, /^ask for torch==2\.0\.1$/],
  },
  {
    name: 'name-of-another',
    cog: build(packages('opencv', 'numpy<2')),
    error: { code: 'COGPLAN_PYTHON_UNSATISFIABLE', line: 4 },
    advice: [/^ask for opencv-python-headless/],
  },
  {
    name: 'placeholder-package',
    cog: build(packages('dotenv==0.0.5')),
    error: { code: 'COGPLAN_PYTHON_UNSATISFIABLE', line: 4 },
    advice: [/^ask for python-dotenv/],
  },
  {
    name: 'pins-that-contradict',
    cog: build(packages('numpy==2.0.0', 'pandas==1.5.3', 'scipy==1.10.1')),
    error: { code: 'COGPLAN_PYTHON_UNSATISFIABLE' },
    advice: [],
  },
  {
    name: 'new-python',
    cog: build(packages('numpy==1.26.4'), '3.13'),
    error: { code: 'COGPLAN_NO_WHEEL', line: 4 },
    advice: [/^python_version: "3\.11"$/, /^ask for numpy==2\.1\.0$/],
  },
  {
    name: 'version-that-never-was',
    cog: build(packages('einops==0.99')),
    error: { code: 'COGPLAN_PYTHON_UNSATISFIABLE', line: 4 },
    advice: [/^ask for einops/],
  },
];

const RECORDING = fileURLToPath(new URL('../fixtures/recorded/pypi.json', import.meta.url));
const isRecording = process.env.COGPLAN_RECORD === '1';
let uv: string;
let context: TestContext;
let upstream: TestContext | undefined;
let index: RecordedIndex;
let directory: string;

beforeAll(async () => {
  uv = await thePinnedUv();
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-kind-'));
});
afterEach(async () => {
  await index?.close();
  context?.dispose();
  upstream?.dispose();
  rmSync(directory, { recursive: true });
});

async function resolve(asOf: string | null = null): Promise<PythonResolution> {
  const spec = await readSpec(directory);
  const python = PYTHONS.find((item) => item.python === spec.pythonVersion.value);
  if (python === undefined) throw new Error(`no Python ${spec.pythonVersion.value}`);
  const { store } = context;
  const here: Context = {
    ...context,
    now: () => new Date('2026-11-22T12:00:00Z'),
    store: {
      ...store,
      derivedDirectory: async (kind, key, make) =>
        kind === 'uv' ? dirname(uv) : store.derivedDirectory(kind, key, make),
    },
  };
  const environment = {
    version: python.version,
    path: '/usr/bin/python3',
    platform: 'linux/amd64',
    glibc: python.glibc,
  } as const;
  const options = { mode: 'keep', asOf } as const;
  return resolvePython(here, { spec, platform: 'linux/amd64', previous: undefined, options }, environment);
}

function follow({ edits }: Fix): void {
  for (const file of new Set(edits.map((edit) => edit.file))) {
    const path = join(directory, file);
    writeFileSync(
      path,
      applyEdits(
        readFileSync(path, 'utf8'),
        edits.filter((edit) => edit.file === file),
      ),
    );
  }
}

function write({ cog, files = {} }: Kind): void {
  for (const [path, text] of Object.entries({
    'cog.yaml': cog,
    'predict.py': 'class Predictor:\n    def run(self) -> str:\n        return ""\n',
    ...files,
  })) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

describe('inputs of every kind', () => {
  test.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', async (_, kind) => {
    upstream = isRecording
      ? await aContext({
          SSL_CERT_FILE: process.env.SSL_CERT_FILE ?? '',
          NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? '',
        })
      : undefined;
    index = await openRecordedIndex(RECORDING, upstream);
    context = await aContext({ COGPLAN_MIRRORS: `${index.mirrors},https://download.pytorch.org/=http://127.0.0.1:9/` });
    write(kind);
    const outcome = await resolve().then(
      (resolution) => ({ resolution, error: undefined }),
      (error: unknown) => ({ resolution: undefined, error }),
    );
    if (kind.error === undefined) {
      if (outcome.error !== undefined) throw outcome.error;
      const pins = outcome.resolution?.python.packages.map((item) => `${item.name}==${item.version}`) ?? [];
      expect(pins).toEqual(expect.arrayContaining([...(kind.has ?? [])]));
      expect(outcome.resolution?.python.packages.every((item) => item.file.size > 0)).toBe(true);
      if (kind.accelerator !== undefined) expect(outcome.resolution?.accelerator).toMatchObject(kind.accelerator);
    } else {
      expect(outcome.error).toBeInstanceOf(CogplanError);
      expect(outcome.error).toMatchObject({ code: kind.error.code });
      if (kind.error.line !== undefined) expect((outcome.error as CogplanError).where?.line).toBe(kind.error.line);
      const fixes = fixesOf(outcome.error);
      expect(fixes.length).toBeGreaterThan(0);
      kind.advice?.forEach((pattern, at) => {
        expect(fixes[at]?.text).toMatch(pattern);
      });
      for (const fix of fixes) {
        write(kind);
        follow(fix);
        expect((await resolve(fix.asOf ?? null)).python.packages.length).toBeGreaterThan(0);
      }
    }
    expect(index.missing).toEqual([]);
  });
});

/** An input of a kind that real projects come in, and what becomes of it. */
export interface Kind {
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

/** One for each kind, against what PyPI answered on the day of the recording. */
export const KINDS: readonly Kind[] = [
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

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Sha256, sha256 } from '../../digest.ts';
import { formatVersion, parseVersion, withoutLocal } from '../../formats/python/version.ts';

const TABLE = new URL('../tables/accelerators.json', import.meta.url);

const text = z.string();
/** Keys of `sources`. */
const from = z.array(text);
const kernels = { architectures: z.array(text), ptx: z.boolean().optional() };

const shape = z.object({
  date: text,
  sources: z.record(text, text),
  torch: z.array(
    z.object({
      version: text,
      torchvision: text.nullable(),
      torchaudio: text.nullable(),
      /** CUDA of the builds on PyPI for amd64 and for arm64. */
      pypi: text.nullable(),
      arm64: text.nullable(),
      /** Which PyPI's build for amd64 asks for. */
      cudnn: text.nullable(),
      /** CUDA versions that the PyTorch index has builds for. */
      cuda: z.array(text),
      pythons: z.array(text),
      from,
    }),
  ),
  tensorflow: z.array(
    z.object({
      version: text,
      cuda: text,
      cudnn: text,
      pythons: z.array(text),
      architectures: z.array(text).optional(),
      ptx: z.boolean().optional(),
      from,
    }),
  ),
  jax: z.array(
    z.object({
      version: text,
      /** Requires-Python. */
      python: text.nullable(),
      /** Extras that bring CUDA, and the page of `jaxPages` that has what they need when PyPI has not. */
      builds: z.array(
        z.object({ extra: text, cuda: text, cudnn: text.nullable(), page: z.enum(['cuda', 'cpu']).optional() }),
      ),
      from,
      /** For which jaxlib of that version has wheels on PyPI. */
      pythons: z.array(text),
    }),
  ),
  images: z.array(z.object({ cuda: text, cudnn: text, tag: text })),
  /** GPU architectures of builds of torch for a CUDA, from a version on; of linux/amd64 unless it says otherwise. */
  kernels: z.array(z.object({ torch: text, cuda: text, platform: text.optional(), ...kernels, from })),
  jaxLeastGpu: z.record(text, text),
  jaxPages: z.object({ cuda: text, cpu: text }),
  /** By CUDA's major version, or by major and minor where that matters. */
  drivers: z.record(text, text),
});

/** What is known of builds for CUDA: dated data, to choose by and to explain with, never to refuse by. */
export interface AcceleratorTable extends z.infer<typeof shape> {
  /** Of the file that the data is read from. */
  readonly digest: Sha256;
}

export type TorchRow = AcceleratorTable['torch'][number];
export type JaxRow = AcceleratorTable['jax'][number];

/** GPU architectures that wheels have kernels for. */
export interface Kernels {
  readonly architectures: readonly string[];
  readonly ptx?: boolean | undefined;
}

let loaded: AcceleratorTable | undefined;

export function acceleratorTable(): AcceleratorTable {
  if (loaded !== undefined) return loaded;
  const bytes = readFileSync(TABLE);
  loaded = { ...shape.parse(JSON.parse(bytes.toString('utf8'))), digest: sha256(bytes) };
  return loaded;
}

/** The row of a version, whatever its local part; undefined for one that the table does not know. */
export function torchRow(table: AcceleratorTable, version: string): TorchRow | undefined {
  return table.torch.find((row) => row.version === publicVersion(version));
}

/** Kernels of a build of torch: those of the newest known build for that CUDA up to that version. */
export function torchKernels(
  table: AcceleratorTable,
  build: { readonly version: string; readonly cuda: string; readonly platform: string },
): Kernels | undefined {
  const version = publicVersion(build.version);
  return table.kernels.findLast(
    ({ torch, cuda, platform = 'linux/amd64' }) =>
      cuda === build.cuda && platform === build.platform && compareNumbers(torch, version) <= 0,
  );
}

/** Least driver for a CUDA: `12.4`, or `12` where only that much is known. */
export function leastDriver(table: AcceleratorTable, cuda: string): string | undefined {
  return table.drivers[minorOf(cuda)] ?? table.drivers[majorOf(cuda)];
}

/** `2.0.1` for `2.0.1+cu118`, `2.0.0` for `2.0`. */
export function publicVersion(text: string): string {
  const version = parseVersion(text);
  if (version === undefined) return text;
  const { release, ...rest } = withoutLocal(version);
  return formatVersion({ ...rest, release: release.length >= 3 ? release : [...release, 0, 0].slice(0, 3) });
}

/** `12.4` for `12.4.1`. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

export function majorOf(version: string): string {
  return version.split('.')[0] ?? '';
}

/** Numbers between dots, compared one by one. */
export function compareNumbers(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

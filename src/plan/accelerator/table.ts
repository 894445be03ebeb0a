import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { type Sha256, sha256 } from '../../digest.ts';
import { formatVersion, parseVersion, withoutLocal } from '../../formats/python/version.ts';
import type { acceleratorShape } from './table-shape.ts';

const TABLE = new URL('../tables/accelerators.json', import.meta.url);

/** What is known of builds for CUDA: dated data, to choose by and to explain with, never to refuse by. */
export interface AcceleratorTable extends z.infer<typeof acceleratorShape> {
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
  // The file is part of the program: a test holds it to its shape.
  const data = JSON.parse(bytes.toString('utf8')) as z.infer<typeof acceleratorShape>;
  loaded = { ...data, digest: sha256(bytes) };
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

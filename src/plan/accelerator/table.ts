import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Sha256, sha256 } from '../../digest.ts';
import { formatVersion, parseVersion, withoutLocal } from '../../formats/python/version.ts';

const TABLE = new URL('../tables/accelerators.json', import.meta.url);

const shape = z.object({
  date: z.string(),
  torch: z.array(
    z.object({
      version: z.string(),
      torchvision: z.string().nullable(),
      torchaudio: z.string().nullable(),
      /** CUDA of the build on PyPI. */
      pypi: z.string().nullable(),
      /** CUDA versions that the PyTorch index has builds for. */
      cuda: z.array(z.string()),
      pythons: z.array(z.string()),
    }),
  ),
  tensorflow: z.array(
    z.object({ version: z.string(), cuda: z.string(), cudnn: z.string(), pythons: z.array(z.string()) }),
  ),
  jax: z.array(z.object({ version: z.string(), cuda: z.array(z.string()) })),
  images: z.array(z.object({ cuda: z.string(), cudnn: z.string(), tag: z.string() })),
  cuda: z.record(z.string(), z.object({ architectures: z.array(z.string()), ptx: z.boolean().optional() })),
  drivers: z.record(z.string(), z.string()),
});

/** What is known of builds for CUDA: dated data, to choose by and to explain with, never to refuse by. */
export interface AcceleratorTable extends z.infer<typeof shape> {
  /** Of the file that the data is read from. */
  readonly digest: Sha256;
}

export type TorchRow = AcceleratorTable['torch'][number];

let loaded: AcceleratorTable | undefined;

export function acceleratorTable(): AcceleratorTable {
  if (loaded !== undefined) return loaded;
  const text = readFileSync(TABLE);
  loaded = { ...shape.parse(JSON.parse(text.toString('utf8'))), digest: sha256(text) };
  return loaded;
}

/** The row of a version, whatever its local part; undefined for one that the table does not know. */
export function torchRow(table: AcceleratorTable, version: string): TorchRow | undefined {
  return table.torch.find((row) => row.version === publicVersion(version));
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

import { capabilityOf, hasKernelFor } from './fits.ts';
import type { AcceleratorTable } from './table.ts';

/** Builds of torch that have kernels for a GPU which a lock's has none for: a sentence, or undefined when the table knows none. */
export function buildsFor(table: AcceleratorTable, gpu: string, platform: string): string | undefined {
  const wanted = capabilityOf(gpu);
  if (wanted === undefined) return undefined;
  const rows = table.kernels.filter(
    (row) =>
      (row.platform ?? 'linux/amd64') === platform && row.architectures.some((item) => hasKernelFor(item, wanted)),
  );
  const [first] = rows;
  const last = rows.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const newest = table.kernels.filter((row) => (row.platform ?? 'linux/amd64') === platform).at(-1);
  return last.torch === newest?.torch
    ? `torch ${first.torch} was the first with kernels for ${gpu}, in its build for CUDA ${first.cuda}`
    : `torch ${last.torch} was the last line with kernels for ${gpu}, in its build for CUDA ${last.cuda}`;
}

import type { Accelerator, Target } from '../../lock/schema.generated.ts';
import { type AcceleratorTable, leastDriver, minorOf } from './table.ts';

/** CUDA and cuDNN that an image says it has, as NVIDIA's images do. */
export function cudaOfBase(base: Target['base']): { readonly cuda: string; readonly cudnn?: string } | undefined {
  if (base.kind !== 'image') return undefined;
  const value = (name: string): string | undefined =>
    base.env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  const cuda = /^\d+\.\d+/.exec(value('CUDA_VERSION') ?? '')?.[0];
  const cudnn = /^\d+\.\d+/.exec(value('NV_CUDNN_VERSION') ?? '')?.[0];
  return cuda === undefined ? undefined : { cuda, ...(cudnn === undefined ? {} : { cudnn }) };
}

/** The accelerator of an image on its base: where no wheel brings CUDA, the base may. */
export function acceleratorOnBase(
  accelerator: Accelerator | null,
  base: Target['base'],
  readTable: () => AcceleratorTable,
): Accelerator | null {
  if (accelerator === null || (accelerator.cuda !== undefined && accelerator.provider === 'wheels')) return accelerator;
  const { why } = accelerator;
  const found = cudaOfBase(base);
  if (found === undefined || base.kind !== 'image') return { provider: 'wheels', why };
  const table = readTable();
  const driver = leastDriver(table, found.cuda);
  return {
    cuda: minorOf(found.cuda),
    ...(found.cudnn === undefined ? {} : { cudnn: found.cudnn }),
    provider: 'base',
    why,
    from: { cuda: base.image, ...(found.cudnn === undefined ? {} : { cudnn: base.image }) },
    ...(driver === undefined ? {} : { minimumDriver: driver }),
    table: { date: table.date, sha256: table.digest },
  };
}

import type { Accelerator } from '../../lock/schema.generated.ts';
import { type Found, findCuda, findCudnn, findKernels, type Wheels } from './find-cuda.ts';
import { lacksCuda } from './lacks-cuda.ts';
import { compareNumbers, leastDriver, majorOf, minorOf } from './table.ts';

export interface AcceleratorInput extends Wheels {
  readonly gpu: boolean;
  /** Why the torch family's build is the one it is. */
  readonly why: string;
  /** `build.cuda` and `build.cudnn`. */
  readonly asked: { readonly cuda: string | undefined; readonly cudnn: string | undefined };
  /** Said already that `build.cuda` and the wheels differ, or why the nearest build was taken. */
  readonly explained: boolean;
  /** The image stands on one that has CUDA. */
  readonly cudaBelow: boolean;
}

export interface AcceleratorNotice {
  readonly code: 'COGPLAN_CUDA_MISSING' | 'COGPLAN_CUDA_UNUSED' | 'COGPLAN_CUDA_CONTRADICTION';
  readonly text: string;
}

/**
 * What a target's wheels bring for the GPU, and where each value comes from. Null for a model without a GPU whose wheels bring none.
 * `gpu: true` with nothing known says so by the reason alone.
 */
export function describeAccelerator(input: AcceleratorInput): {
  readonly accelerator: Accelerator | null;
  readonly notices: readonly AcceleratorNotice[];
} {
  const { gpu, table } = input;
  const cuda = findCuda(input);
  const notices: AcceleratorNotice[] = [];
  if (!gpu) {
    if (cuda !== undefined) {
      const text = `gpu: false, but ${cuda.source} brings CUDA ${cuda.version}: the image is larger than it need be`;
      notices.push({ code: 'COGPLAN_CUDA_UNUSED', text });
    }
    return { accelerator: null, notices };
  }
  if (cuda === undefined) {
    const missing = input.cudaBelow ? undefined : lacksCuda(input);
    if (missing !== undefined) notices.push({ code: 'COGPLAN_CUDA_MISSING', text: missing });
    return { accelerator: { provider: 'wheels', why: input.why }, notices };
  }
  const cudnn = findCudnn(input);
  const kernels = findKernels(input, cuda.version);
  const driver = leastDriver(table, cuda.version);
  return {
    accelerator: {
      cuda: cuda.version,
      ...(cudnn === undefined ? {} : { cudnn: cudnn.version }),
      provider: 'wheels',
      why: input.why,
      from: { cuda: cuda.source, ...(cudnn === undefined ? {} : { cudnn: cudnn.source }) },
      ...(kernels === undefined
        ? {}
        : { architectures: [...kernels.architectures], ...(kernels.ptx === true ? { ptx: true } : {}) }),
      ...(driver === undefined ? {} : { minimumDriver: driver }),
      table: { date: table.date, sha256: table.digest },
    },
    notices: [...notices, ...differences(input, cuda, cudnn)],
  };
}

/** What was asked for and is not what the wheels bring. */
function differences(
  { asked, explained }: AcceleratorInput,
  cuda: Found,
  cudnn: Found | undefined,
): readonly AcceleratorNotice[] {
  const notices: AcceleratorNotice[] = [];
  const tell = (key: string, wanted: string, found: Found, name: string): void => {
    const text = `${key}: ${wanted} is asked for, but ${found.source} brings ${name} ${found.version}, which is taken`;
    notices.push({ code: 'COGPLAN_CUDA_CONTRADICTION', text });
  };
  // Within a major version later ones run what was written for earlier ones.
  if (asked.cuda !== undefined && !explained && isOlder(cuda.version, asked.cuda))
    tell('cuda', asked.cuda, cuda, 'CUDA');
  if (asked.cudnn !== undefined && cudnn !== undefined && isOlder(cudnn.version, asked.cudnn))
    tell('cudnn', asked.cudnn, cudnn, 'cuDNN');
  return notices;
}

function isOlder(found: string, asked: string): boolean {
  return (
    majorOf(found) !== majorOf(asked) || (found.includes('.') && compareNumbers(minorOf(found), minorOf(asked)) < 0)
  );
}

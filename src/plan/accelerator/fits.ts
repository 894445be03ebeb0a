import type { Accelerator } from '../../lock/schema.generated.ts';
import { compareNumbers } from './table.ts';

export interface Machine {
  /** `sm_89`. */
  readonly gpu?: string;
  /** `550.54.14`. */
  readonly driver?: string;
}

export interface Fit {
  readonly fits: 'yes' | 'no' | 'unknown';
  /** One sentence for each thing that was asked. */
  readonly reasons: readonly string[];
}

/** Does what is locked run on a GPU and driver? Answered from the lock alone. */
export function fitsMachine(accelerator: Accelerator | null, machine: Machine): Fit {
  if (accelerator === null) return { fits: 'yes', reasons: ['The model uses no GPU.'] };
  const parts = [
    ...(machine.gpu === undefined ? [] : [fitsGpu(accelerator, machine.gpu)]),
    ...(machine.driver === undefined ? [] : [fitsDriver(accelerator, machine.driver)]),
  ];
  const worst = parts.some(({ fits }) => fits === 'no')
    ? 'no'
    : parts.some(({ fits }) => fits === 'unknown')
      ? 'unknown'
      : 'yes';
  return { fits: worst, reasons: parts.flatMap(({ reasons }) => reasons) };
}

// A kernel runs on its own and later minor versions of a major one; PTX is compiled by the driver for anything later.
// https://docs.nvidia.com/cuda/cuda-c-programming-guide/#application-compatibility
function fitsGpu({ architectures, ptx }: Accelerator, gpu: string): Fit {
  const wanted = capabilityOf(gpu);
  if (architectures === undefined || wanted === undefined)
    return {
      fits: 'unknown',
      reasons: [`Which GPU architectures the wheels have kernels for is not known, so neither is ${gpu}.`],
    };
  const built = architectures.flatMap((item) => capabilityOf(item) ?? []);
  const exact = architectures.find((item) => hasKernelFor(item, wanted));
  const kernels = architectures.join(', ');
  if (exact !== undefined) return { fits: 'yes', reasons: [`${gpu}: the wheels have kernels for ${kernels}.`] };
  const newest = built.reduce((most, item) => Math.max(most, item.major * 100 + item.minor), 0);
  if (ptx === true && wanted.major * 100 + wanted.minor > newest)
    return { fits: 'yes', reasons: [`${gpu}: the driver compiles the wheels' PTX; kernels are for ${kernels}.`] };
  return { fits: 'no', reasons: [`${gpu}: the wheels have kernels for ${kernels} only.`] };
}

function fitsDriver({ minimumDriver, cuda }: Accelerator, driver: string): Fit {
  if (minimumDriver === undefined) return { fits: 'unknown', reasons: ['Which driver the wheels need is not known.'] };
  const needs = `CUDA ${cuda} needs driver ${minimumDriver} or later`;
  return compareNumbers(driver, minimumDriver) >= 0
    ? { fits: 'yes', reasons: [`Driver ${driver}: ${needs}.`] }
    : { fits: 'no', reasons: [`Driver ${driver} is too old: ${needs}.`] };
}

export interface Capability {
  readonly major: number;
  readonly minor: number;
}

/** 8 and 9 of `sm_89`; 12 and 0 of `sm_120`. */
export function capabilityOf(text: string): Capability | undefined {
  const digits = /^sm_(\d{1,2})(\d)[af]?$/.exec(text);
  return digits === null ? undefined : { major: Number(digits[1]), minor: Number(digits[2]) };
}

/** Does a kernel for `architecture` run on a GPU? One with a suffix runs on no other than its own. */
export function hasKernelFor(architecture: string, { major, minor }: Capability): boolean {
  const own = capabilityOf(architecture);
  if (own === undefined || own.major !== major) return false;
  return /[af]$/.test(architecture) ? own.minor === minor : own.minor <= minor;
}

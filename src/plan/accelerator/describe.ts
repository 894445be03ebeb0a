import { compareBytes } from '../../canonical.ts';
import type { Accelerator, PythonPackage } from '../../lock/schema.generated.ts';
import { cudaOfFlavour } from './choose-build.ts';
import { type AcceleratorTable, compareNumbers, majorOf, minorOf, publicVersion, torchRow } from './table.ts';

export interface AcceleratorInput {
  readonly gpu: boolean;
  readonly packages: readonly PythonPackage[];
  /** Why the torch family's build is the one it is. */
  readonly why: string;
  /** `build.cuda`. */
  readonly cuda: string | undefined;
  readonly table: AcceleratorTable;
}

export interface AcceleratorNotice {
  readonly code: 'COGPLAN_CUDA_MISSING' | 'COGPLAN_CUDA_UNUSED';
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
  const { gpu, packages, table } = input;
  const found = findCuda(input);
  const notices: AcceleratorNotice[] = [];
  if (!gpu) {
    if (found !== undefined) {
      const text = `gpu: false, but ${found.source} brings CUDA ${found.cuda}: the image is larger than it need be`;
      notices.push({ code: 'COGPLAN_CUDA_UNUSED', text });
    }
    return { accelerator: null, notices };
  }
  const missing = tensorflowWithoutCuda(packages, table);
  if (found === undefined && missing !== undefined) notices.push({ code: 'COGPLAN_CUDA_MISSING', text: missing });
  if (found === undefined) return { accelerator: { provider: 'wheels', why: input.why }, notices };
  const { cuda, source } = found;
  const cudnn = nvidiaWheel(packages, 'cudnn');
  const torch = packages.find(({ name }) => name === 'torch');
  const build = torch === undefined ? undefined : table.cuda[cuda];
  const driver = table.drivers[majorOf(cuda)];
  return {
    accelerator: {
      cuda,
      ...(cudnn === undefined ? {} : { cudnn: minorOf(cudnn.version) }),
      provider: 'wheels',
      why: input.why,
      from: {
        cuda: source,
        ...(cudnn === undefined ? {} : { cudnn: `${cudnn.name} ${cudnn.version}` }),
      },
      ...(build === undefined
        ? {}
        : { architectures: build.architectures, ...(build.ptx === true ? { ptx: true } : {}) }),
      ...(driver === undefined ? {} : { minimumDriver: driver }),
      table: { date: table.date, sha256: table.digest },
    },
    notices,
  };
}

function findCuda({
  packages,
  table,
}: AcceleratorInput): { readonly cuda: string; readonly source: string } | undefined {
  const torch = packages.find(({ name }) => name === 'torch');
  const local = torch?.version.split('+')[1];
  const built = local === undefined ? undefined : cudaOfFlavour(local);
  if (torch !== undefined && built !== undefined) return { cuda: built, source: `torch ${torch.version}` };
  const runtime = nvidiaWheel(packages, 'cuda-runtime') ?? packages.find(({ name }) => name === 'cuda-toolkit');
  if (runtime !== undefined) return { cuda: minorOf(runtime.version), source: `${runtime.name} ${runtime.version}` };
  if (torch === undefined || local !== undefined) return undefined;
  const pypi = torchRow(table, torch.version)?.pypi ?? undefined;
  const isOld = compareNumbers(publicVersion(torch.version), '1.13.0') < 0;
  return pypi === undefined || !isOld
    ? undefined
    : { cuda: pypi, source: `torch ${torch.version}, which holds its own CUDA` };
}

function nvidiaWheel(packages: readonly PythonPackage[], part: string): PythonPackage | undefined {
  const pattern = new RegExp(`^nvidia-${part}(?:-cu\\d+)?$`);
  return packages.filter(({ name }) => pattern.test(name)).sort((a, b) => compareBytes(b.version, a.version))[0];
}

function tensorflowWithoutCuda(packages: readonly PythonPackage[], table: AcceleratorTable): string | undefined {
  const tensorflow = packages.find(({ name }) => name === 'tensorflow' || name === 'tensorflow-gpu');
  if (tensorflow === undefined) return undefined;
  const { version } = tensorflow;
  const minor = `${minorOf(publicVersion(version))}.`;
  const row =
    table.tensorflow.find((item) => item.version === publicVersion(version)) ??
    table.tensorflow.find((item) => item.version.startsWith(minor));
  const needs = row === undefined ? 'CUDA' : `CUDA ${row.cuda} and cuDNN ${row.cudnn}`;
  const image = table.images.find((item) => row !== undefined && minorOf(item.cuda) === row.cuda);
  const advice =
    compareNumbers(publicVersion(version), '2.14.0') >= 0
      ? `ask for tensorflow[and-cuda]==${version}`
      : image === undefined
        ? 'name a base image that has them'
        : `write "base: nvidia/cuda:${image.tag}" into cogplan.yaml`;
  return `tensorflow ${version} needs ${needs}, which its wheel does not bring, and runs without the GPU: ${advice}`;
}

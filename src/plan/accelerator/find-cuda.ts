import { compareBytes } from '../../canonical.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { cudaOfFlavour } from './choose-build.ts';
import {
  type AcceleratorTable,
  compareNumbers,
  type Kernels,
  majorOf,
  minorOf,
  publicVersion,
  torchKernels,
  torchRow,
} from './table.ts';

/** A version, and the package that it is known from. */
export interface Found {
  readonly version: string;
  readonly source: string;
}

export interface Wheels {
  readonly packages: readonly PythonPackage[];
  readonly platform: string;
  readonly table: AcceleratorTable;
}

/** The CUDA that wheels bring: `12.4`, or `11` for builds of jaxlib that say no more. */
export function findCuda({ packages, platform, table }: Wheels): Found | undefined {
  const torch = packageOf(packages, 'torch');
  const local = localOf(torch);
  const built = local === undefined ? undefined : cudaOfFlavour(local);
  if (torch !== undefined && built !== undefined) return { version: built, source: `torch ${torch.version}` };
  const runtime = nvidiaWheel(packages, 'cuda-runtime') ?? packageOf(packages, 'cuda-toolkit');
  if (runtime !== undefined) return { version: minorOf(runtime.version), source: `${runtime.name} ${runtime.version}` };
  const jaxlib = jaxlibBuild(packages);
  if (jaxlib !== undefined) return { version: jaxlib.cuda, source: jaxlib.source };
  if (torch === undefined || local !== undefined) return undefined;
  const row = torchRow(table, torch.version);
  const pypi = (platform === 'linux/arm64' ? row?.arm64 : row?.pypi) ?? undefined;
  const isOld = compareNumbers(publicVersion(torch.version), '1.13.0') < 0;
  return pypi === undefined || !isOld
    ? undefined
    : { version: pypi, source: `torch ${torch.version}, which holds its own CUDA` };
}

/** The cuDNN that wheels bring, by major and minor version. */
export function findCudnn({ packages }: Pick<Wheels, 'packages'>): Found | undefined {
  const wheel = nvidiaWheel(packages, 'cudnn');
  if (wheel !== undefined) return { version: minorOf(wheel.version), source: `${wheel.name} ${wheel.version}` };
  const jaxlib = jaxlibBuild(packages);
  return jaxlib?.cudnn === undefined ? undefined : { version: jaxlib.cudnn, source: jaxlib.source };
}

/** The GPU architectures that the wheels are made for: torch's, else TensorFlow's, else JAX's. Undefined when nobody knows. */
export function findKernels({ packages, platform, table }: Wheels, cuda: string): Kernels | undefined {
  const torch = packageOf(packages, 'torch');
  if (torch !== undefined) return torchKernels(table, { version: torch.version, cuda, platform });
  const tensorflow = tensorflowOf(packages);
  const row = table.tensorflow.find(({ version }) => version === publicVersion(tensorflow?.version ?? ''));
  if (row?.architectures !== undefined) return { architectures: row.architectures, ptx: row.ptx };
  const least = packageOf(packages, 'jaxlib') === undefined ? undefined : table.jaxLeastGpu[majorOf(cuda)];
  // XLA compiles for the GPU that it finds.
  return least === undefined ? undefined : { architectures: [least], ptx: true };
}

export function packageOf(packages: readonly PythonPackage[], name: string): PythonPackage | undefined {
  return packages.find((item) => item.name === name);
}

export function tensorflowOf(packages: readonly PythonPackage[]): PythonPackage | undefined {
  return packageOf(packages, 'tensorflow') ?? packageOf(packages, 'tensorflow-gpu');
}

/** `0.4.25+cuda11.cudnn86` and `0.1.68+cuda111`. */
function jaxlibBuild(
  packages: readonly PythonPackage[],
): { readonly cuda: string; readonly cudnn: string | undefined; readonly source: string } | undefined {
  const jaxlib = packageOf(packages, 'jaxlib');
  const parts = /^cuda(\d{2})(\d)?(?:\.cudnn(\d)(\d))?/.exec(localOf(jaxlib) ?? '');
  if (jaxlib === undefined || parts === null) return undefined;
  const [, major = '', minor, cudnnMajor, cudnnMinor] = parts;
  return {
    cuda: minor === undefined ? major : `${major}.${minor}`,
    cudnn: cudnnMajor === undefined ? undefined : `${cudnnMajor}.${cudnnMinor}`,
    source: `jaxlib ${jaxlib.version}`,
  };
}

function localOf(item: PythonPackage | undefined): string | undefined {
  return item?.version.split('+')[1];
}

function nvidiaWheel(packages: readonly PythonPackage[], part: string): PythonPackage | undefined {
  const pattern = new RegExp(`^nvidia-${part}(?:-cu\\d+)?$`);
  return packages.filter(({ name }) => pattern.test(name)).sort((a, b) => compareBytes(b.version, a.version))[0];
}

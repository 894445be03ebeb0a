import type { PythonPackage } from '../../lock/schema.generated.ts';
import { packageOf, tensorflowOf, type Wheels } from './find-cuda.ts';
import { type AcceleratorTable, compareNumbers, minorOf, publicVersion } from './table.ts';

/** What imports CUDA and leaves it to others to bring it. */
const WITHOUT_OWN_CUDA =
  /^(?:onnxruntime-gpu|ctranslate2|cupy-cuda\d+x?|faiss-gpu(?:-cu\d+)?|tensorrt(?:-cu\d+)?|mxnet-cu\d+|paddlepaddle-gpu)$/;

/** Why a model with a GPU would run without it though its packages could use it; undefined when none is known to. */
export function lacksCuda(wheels: Wheels): string | undefined {
  const { packages, table } = wheels;
  return (
    tensorflowLacks(packages, table) ?? jaxLacks(packages, table) ?? torchLacks(wheels) ?? otherLacks(packages, table)
  );
}

function tensorflowLacks(packages: readonly PythonPackage[], table: AcceleratorTable): string | undefined {
  const tensorflow = tensorflowOf(packages);
  if (tensorflow === undefined) return undefined;
  const { version } = tensorflow;
  const minor = `${minorOf(publicVersion(version))}.`;
  const row =
    table.tensorflow.find((item) => item.version === publicVersion(version)) ??
    table.tensorflow.find((item) => item.version.startsWith(minor));
  const needs = row === undefined ? 'CUDA' : `CUDA ${row.cuda} and cuDNN ${row.cudnn}`;
  const advice =
    compareNumbers(publicVersion(version), '2.14.0') >= 0
      ? `ask for tensorflow[and-cuda]==${version}`
      : adviseBase(table, row?.cuda);
  return `tensorflow ${version} needs ${needs}, which its wheel does not bring, and runs without the GPU: ${advice}`;
}

function jaxLacks(packages: readonly PythonPackage[], table: AcceleratorTable): string | undefined {
  const jax = packageOf(packages, 'jax');
  if (jax === undefined || packageOf(packages, 'jaxlib') === undefined) return undefined;
  const { version } = jax;
  const builds = table.jax.find((row) => row.version === publicVersion(version))?.builds ?? [];
  const named = builds.filter(({ extra }) => !/local$/.test(extra) && extra !== 'cuda');
  // Later ones need a newer driver, and pages beside PyPI may be gone.
  const best =
    named.find(({ page }) => page === undefined) ?? named.find(({ extra }) => extra.endsWith('pip')) ?? named[0];
  const page = best?.page === undefined ? '' : ` with --find-links ${table.jaxPages[best.page]}`;
  const advice = `ask for jax[${best?.extra ?? 'cuda12'}]==${version}${page}`;
  return `jax ${version} is there without CUDA, and runs without the GPU: ${advice}`;
}

function torchLacks({ packages, platform }: Wheels): string | undefined {
  const torch = packageOf(packages, 'torch');
  if (torch === undefined) return undefined;
  const { version } = torch;
  if (version.includes('+')) return `torch ${version} is a build without CUDA, and runs without the GPU`;
  if (platform !== 'linux/arm64') return undefined;
  return `torch ${version} for ${platform} is a build without CUDA, and runs without the GPU: ask for torch 2.11 or later, or write build.cuda`;
}

function otherLacks(packages: readonly PythonPackage[], table: AcceleratorTable): string | undefined {
  const other = packages.find(({ name }) => WITHOUT_OWN_CUDA.test(name));
  if (other === undefined) return undefined;
  const { cuda, cudnn } = generationOf(other);
  const libraries = `nvidia-cuda-runtime-cu${cuda}, nvidia-cublas-cu${cuda}, nvidia-cufft-cu${cuda}, nvidia-curand-cu${cuda} and nvidia-cudnn-cu${cuda}${cudnn}`;
  return `${other.name} ${other.version} needs CUDA, which no wheel brings: ask for ${libraries} too, or ${adviseBase(table, undefined)}`;
}

/** From which version on the wheels on PyPI are for which CUDA, and what limits its cuDNN. */
const GENERATIONS: Readonly<Record<string, readonly Generation[]>> = {
  // https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html#requirements
  'onnxruntime-gpu': [
    { from: '0', cuda: '11', cudnn: '<9' },
    { from: '1.19.0', cuda: '12', cudnn: '' },
  ],
  // https://github.com/OpenNMT/CTranslate2/releases
  ctranslate2: [
    { from: '0', cuda: '11', cudnn: '<9' },
    { from: '4.0.0', cuda: '12', cudnn: '<9' },
    { from: '4.5.0', cuda: '12', cudnn: '' },
  ],
};

interface Generation {
  readonly from: string;
  readonly cuda: string;
  /** A specifier, or nothing. */
  readonly cudnn: string;
}

function generationOf({ name, version }: PythonPackage): Generation {
  const named = /-cu(?:da)?(\d\d)/.exec(name)?.[1];
  const row = GENERATIONS[name]?.findLast(({ from }) => compareNumbers(publicVersion(version), from) >= 0);
  return row ?? { from: '0', cuda: named ?? '12', cudnn: '' };
}

function adviseBase(table: AcceleratorTable, cuda: string | undefined): string {
  const image = table.images.find((item) => minorOf(item.cuda) === cuda);
  return image === undefined
    ? 'name a base image that has it, in base of cogplan.yaml'
    : `write "base: nvidia/cuda:${image.tag}" into cogplan.yaml`;
}

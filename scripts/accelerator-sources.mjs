/*
 * What no package index tells, for generate-accelerators.mjs: each with the source it was read from, by its key in SOURCES.
 */
export const SOURCES = {
  wheel:
    'the wheel on PyPI: its METADATA; torch/version.py and the list of kernels in torch/lib/libtorch_python.so; tensorflow/python/platform/build_info.py',
  metadata: 'the metadata of the release on PyPI',
  cog: "Cog's compatibility tables (pkg/config/*.json), as of 2026-11",
  pyg: 'https://data.pyg.org/whl/: builds of torch that extensions were built against, as of 2026-11',
  readme: 'the tables of versions in the READMEs of pytorch/vision and pytorch/audio',
  builder: 'https://github.com/pytorch/builder/blob/main/manywheel/build_cuda.sh and its history: TORCH_CUDA_ARCH_LIST',
  ci: 'https://github.com/pytorch/pytorch/blob/main/.ci/manywheel/build_cuda.sh and build_env_setup.py: TORCH_CUDA_ARCH_LIST',
  reported: 'torch.cuda.get_arch_list() of the build, as its users report it',
  tensorflow: 'https://www.tensorflow.org/install/source#gpu',
  jax: 'https://docs.jax.dev/en/latest/installation.html',
  nvidia:
    'https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/: least driver, with minor version compatibility from CUDA 11 on',
};

/** Builds for CUDA on the PyTorch index, and the versions of torchvision and torchaudio for a torch that pin no torch. */
export const TORCH = [
  { version: '1.5.0', torchvision: '0.6.0', torchaudio: '0.5.0', cuda: ['9.2', '10.1'], from: ['readme', 'pyg'] },
  { version: '1.5.1', torchvision: '0.6.1', torchaudio: '0.5.1', cuda: ['9.2', '10.1'], from: ['readme', 'pyg'] },
  { version: '1.6.0', torchvision: '0.7.0', torchaudio: '0.6.0', cuda: ['9.2', '10.1'], from: ['readme', 'pyg'] },
  {
    version: '1.7.0',
    torchvision: '0.8.1',
    torchaudio: '0.7.0',
    cuda: ['9.2', '10.1', '11.0'],
    from: ['readme', 'pyg'],
  },
  {
    version: '1.7.1',
    torchvision: '0.8.2',
    torchaudio: '0.7.2',
    cuda: ['9.2', '10.1', '11.0'],
    from: ['readme', 'pyg'],
  },
  { version: '1.8.0', torchvision: '0.9.0', torchaudio: '0.8.0', cuda: ['10.1', '11.1'], from: ['readme', 'pyg'] },
  { version: '1.8.1', torchvision: '0.9.1', torchaudio: '0.8.1', cuda: ['10.1', '11.1'], from: ['readme', 'pyg'] },
  { version: '1.9.0', torchvision: '0.10.0', torchaudio: '0.9.0', cuda: ['11.1'], from: ['readme', 'pyg'] },
  { version: '1.9.1', torchvision: '0.10.1', torchaudio: '0.9.1', cuda: ['11.1'], from: ['readme', 'pyg'] },
  { version: '1.10.0', torchvision: '0.11.1', torchaudio: '0.10.0', cuda: ['11.1', '11.3'], from: ['readme', 'pyg'] },
  { version: '1.10.1', torchvision: '0.11.2', torchaudio: '0.10.1', cuda: ['11.1', '11.3'], from: ['readme', 'pyg'] },
  { version: '1.10.2', torchvision: '0.11.3', torchaudio: '0.10.2', cuda: ['11.1', '11.3'], from: ['readme', 'pyg'] },
  { version: '2.11.0', cuda: ['12.6', '12.8', '13.0'], from: ['pyg'] },
  { version: '2.12.0', cuda: ['12.6', '13.0', '13.2'], from: ['pyg'] },
  { version: '2.12.1', cuda: ['12.6', '13.0', '13.2'], from: ['pyg'] },
  { version: '2.13.0', cuda: ['12.6', '13.0', '13.2'], from: ['pyg'] },
];

const KEPLER = ['sm_37', 'sm_50', 'sm_60', 'sm_70'];
const MAXWELL = ['sm_50', 'sm_60', 'sm_70', 'sm_75', 'sm_80', 'sm_86'];
const BLACKWELL = ['sm_80', 'sm_86', 'sm_90', 'sm_100', 'sm_120'];

/**
 * GPU architectures of builds that are not PyPI's: from a version of torch on, for a CUDA. What PyPI's builds have is read from the wheels themselves.
 */
export const KERNELS = [
  { torch: '1.6.0', cuda: '10.1', architectures: [...KEPLER, 'sm_75'], from: ['builder'] },
  { torch: '1.7.0', cuda: '11.0', architectures: [...KEPLER, 'sm_75', 'sm_80'], from: ['builder'] },
  { torch: '1.8.0', cuda: '11.1', architectures: [...KEPLER, 'sm_75', 'sm_80', 'sm_86'], from: ['builder'] },
  { torch: '1.10.0', cuda: '11.3', architectures: [...KEPLER, 'sm_75', 'sm_80', 'sm_86'], from: ['builder'] },
  { torch: '1.12.0', cuda: '11.6', architectures: [...KEPLER, 'sm_75', 'sm_80', 'sm_86'], from: ['builder'] },
  {
    torch: '2.0.0',
    cuda: '11.8',
    architectures: [...KEPLER, 'sm_75', 'sm_80', 'sm_86', 'sm_90'],
    from: ['builder', 'reported'],
  },
  { torch: '2.4.0', cuda: '12.4', architectures: [...MAXWELL, 'sm_90'], from: ['builder'] },
  { torch: '2.6.0', cuda: '12.6', architectures: [...MAXWELL, 'sm_90'], from: ['ci'] },
  { torch: '2.7.0', cuda: '12.8', architectures: ['sm_75', ...BLACKWELL], ptx: true, from: ['ci', 'reported'] },
  { torch: '2.8.0', cuda: '12.9', architectures: ['sm_70', 'sm_75', ...BLACKWELL], ptx: true, from: ['ci'] },
  { torch: '2.9.0', cuda: '13.0', architectures: ['sm_75', ...BLACKWELL], ptx: true, from: ['ci'] },
  { torch: '2.12.0', cuda: '13.2', architectures: ['sm_75', ...BLACKWELL], from: ['ci'] },
  { torch: '2.5.0', cuda: '12.4', platform: 'linux/arm64', architectures: ['sm_90'], from: ['builder'] },
  { torch: '2.6.0', cuda: '12.6', platform: 'linux/arm64', architectures: ['sm_90'], from: ['ci'] },
  { torch: '2.10.0', cuda: '12.6', platform: 'linux/arm64', architectures: ['sm_80', 'sm_90'], from: ['ci'] },
  {
    torch: '2.10.0',
    cuda: '12.8',
    platform: 'linux/arm64',
    architectures: ['sm_80', 'sm_90', 'sm_100', 'sm_120'],
    from: ['ci'],
  },
  {
    torch: '2.10.0',
    cuda: '13.0',
    platform: 'linux/arm64',
    architectures: ['sm_80', 'sm_90', 'sm_100', 'sm_110', 'sm_120'],
    from: ['ci'],
  },
];

/** CUDA and cuDNN that TensorFlow's wheels were built for, before they could bring it: by the first version of a line. */
export const TENSORFLOW = [
  { version: '1.13.1', cuda: '10.0', cudnn: '7.4' },
  { version: '2.1.0', cuda: '10.1', cudnn: '7.6' },
  { version: '2.4.0', cuda: '11.0', cudnn: '8.0' },
  { version: '2.5.0', cuda: '11.2', cudnn: '8.1' },
  { version: '2.12.0', cuda: '11.8', cudnn: '8.6' },
  { version: '2.14.0', cuda: '11.8', cudnn: '8.7' },
];

/** Where builds of jaxlib with `+cuda…` in their version lie, and those that have left PyPI. */
export const JAX_PAGES = {
  cuda: 'https://storage.googleapis.com/jax-releases/jax_cuda_releases.html',
  cpu: 'https://storage.googleapis.com/jax-releases/jax_releases.html',
};

/** Least GPU of JAX's builds by CUDA; XLA compiles for the one that is there. */
export const JAX_LEAST_GPU = { 11: 'sm_52', 12: 'sm_52', 13: 'sm_75' };

/** Least driver by CUDA: before 11 each minor version has its own. */
export const DRIVERS = {
  9.2: '396.26',
  '10.0': '410.48',
  10.1: '418.39',
  10.2: '440.33',
  11: '450.80.02',
  12: '525.60.13',
  13: '580.65.06',
};

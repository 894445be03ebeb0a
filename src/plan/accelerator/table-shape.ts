import { z } from 'zod';

const text = z.string();
/** Keys of `sources`. */
const from = z.array(text);
const kernels = { architectures: z.array(text), ptx: z.boolean().optional() };

/** Of `plan/tables/accelerators.json`. */
export const acceleratorShape = z.object({
  date: text,
  sources: z.record(text, text),
  torch: z.array(
    z.object({
      version: text,
      torchvision: text.nullable(),
      torchaudio: text.nullable(),
      /** CUDA of the builds on PyPI for amd64 and for arm64. */
      pypi: text.nullable(),
      arm64: text.nullable(),
      /** Which PyPI's build for amd64 asks for. */
      cudnn: text.nullable(),
      /** CUDA versions that the PyTorch index has builds for. */
      cuda: z.array(text),
      pythons: z.array(text),
      from,
    }),
  ),
  tensorflow: z.array(
    z.object({
      version: text,
      cuda: text,
      cudnn: text,
      pythons: z.array(text),
      architectures: z.array(text).optional(),
      ptx: z.boolean().optional(),
      from,
    }),
  ),
  jax: z.array(
    z.object({
      version: text,
      /** Requires-Python. */
      python: text.nullable(),
      /** Extras that bring CUDA, and the page of `jaxPages` that has what they need when PyPI has not. */
      builds: z.array(
        z.object({ extra: text, cuda: text, cudnn: text.nullable(), page: z.enum(['cuda', 'cpu']).optional() }),
      ),
      from,
      /** For which jaxlib of that version has wheels on PyPI. */
      pythons: z.array(text),
    }),
  ),
  images: z.array(z.object({ cuda: text, cudnn: text, tag: text })),
  /** GPU architectures of builds of torch for a CUDA, from a version on; of linux/amd64 unless it says otherwise. */
  kernels: z.array(z.object({ torch: text, cuda: text, platform: text.optional(), ...kernels, from })),
  jaxLeastGpu: z.record(text, text),
  jaxPages: z.object({ cuda: text, cpu: text }),
  /** By CUDA's major version, or by major and minor where that matters. */
  drivers: z.record(text, text),
});

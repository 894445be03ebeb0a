/** Projects that compile CUDA against torch, and where wheels of them lie that PyPI has not; `{torch}` is 2.1, `{patch}` 2.1.0, `{cuda}` cu121. */
const PLACES: Readonly<Record<string, string>> = {
  apex: 'build it in an image with the toolkit and put its wheel into the project',
  'auto-gptq': 'name the one of https://github.com/AutoGPTQ/AutoGPTQ/releases for torch {torch} by URL',
  'causal-conv1d': 'name the one of https://github.com/Dao-AILab/causal-conv1d/releases for torch {torch} by URL',
  exllamav2: 'name the one of https://github.com/turboderp-org/exllamav2/releases for torch {torch} by URL',
  'flash-attn': 'name the one of https://github.com/Dao-AILab/flash-attention/releases for torch {torch} by URL',
  gsplat: 'write --find-links https://docs.gsplat.studio/whl/pt{glued}{cuda} beside it',
  'llama-cpp-python': 'write --extra-index-url https://abetlen.github.io/llama-cpp-python/whl/{cuda} beside it',
  'mamba-ssm': 'name the one of https://github.com/state-spaces/mamba/releases for torch {torch} by URL',
  mmcv: 'write --find-links https://download.openmmlab.com/mmcv/dist/{cuda}/torch{torch}/index.html beside it',
  'mmcv-full': 'write --find-links https://download.openmmlab.com/mmcv/dist/{cuda}/torch{torch}/index.html beside it',
  natten: 'write --find-links https://whl.natten.org beside it',
  'pyg-lib': 'write --find-links https://data.pyg.org/whl/torch-{patch}+{cuda}.html beside it',
  pytorch3d: 'build it in an image with the toolkit and put its wheel into the project',
  'torch-cluster': 'write --find-links https://data.pyg.org/whl/torch-{patch}+{cuda}.html beside it',
  'torch-scatter': 'write --find-links https://data.pyg.org/whl/torch-{patch}+{cuda}.html beside it',
  'torch-sparse': 'write --find-links https://data.pyg.org/whl/torch-{patch}+{cuda}.html beside it',
  'torch-spline-conv': 'write --find-links https://data.pyg.org/whl/torch-{patch}+{cuda}.html beside it',
  xformers: 'ask for the version that goes with torch {torch}, which has one on PyPI or on the index of its CUDA',
};

/**
 * What to do about a project (normalised) that compiles CUDA: where its makers keep wheels for the model's torch, such as `2.1.0+cu121`, whose plain version
 * is for `cuda` (12.1). Undefined for any other project.
 */
export function cudaExtension(
  name: string,
  { torch, cuda }: { readonly torch: string | undefined; readonly cuda: string | undefined },
): string | undefined {
  const place = Object.hasOwn(PLACES, name) ? PLACES[name] : undefined;
  if (place === undefined) return undefined;
  const [plain = '', local] = (torch ?? '').split('+');
  const [major = '', minor = '0'] = plain.split('.');
  const known = plain !== '';
  const values: Readonly<Record<string, string>> = {
    torch: known ? `${major}.${minor}` : 'VERSION',
    glued: known ? `${major}${minor}` : 'VERSION',
    // Their pages go by the first patch of each minor version.
    patch: known ? `${major}.${minor}.0` : 'VERSION',
    cuda: local ?? (cuda === undefined ? 'cuVERSION' : `cu${cuda.replace('.', '')}`),
  };
  const where = place.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? '');
  return `${name} compiles CUDA, for which builds have no toolkit. Take a prebuilt wheel: ${where}. Or take a base image that has the toolkit (base in cogplan.yaml).`;
}

import { expect, test } from 'vitest';
import { parseRequirement } from '../../formats/python/requirement.ts';
import type { Root } from '../python/roots.ts';
import { type BuildInput, chooseBuild, cudaOfFlavour } from './choose-build.ts';
import { acceleratorTable } from './table.ts';
import { torchConflicts } from './torch-family.ts';

const WHL = 'https://download.pytorch.org/whl';
const table = acceleratorTable();

function roots(...lines: readonly string[]): readonly Root[] {
  return lines.map((text, index) => {
    const requirement = parseRequirement(text);
    return { name: requirement.name, requirement, text, asked: `r.txt:${index + 1}: ${text}`, hashes: [] };
  });
}

function choose(lines: readonly string[], change: Partial<Omit<BuildInput, 'cuda'>> & { readonly cuda?: string } = {}) {
  const { cuda, ...rest } = change;
  return chooseBuild({
    gpu: true,
    cuda: cuda === undefined ? undefined : { value: cuda, where: { file: 'cog.yaml', line: 3 } },
    platform: 'linux/amd64',
    roots: roots(...lines),
    named: ['https://pypi.org/simple'],
    table,
    ...rest,
  });
}

test.each<[string, readonly string[], Parameters<typeof choose>[1], string | undefined]>([
  ['no cuda: PyPI', ['torch==2.3.1'], {}, undefined],
  ["PyPI's own CUDA: PyPI", ['torch==2.3.1'], { cuda: '12.1' }, undefined],
  ['a later CUDA than any build: the newest before it', ['torch==2.3.1'], { cuda: '12.6' }, undefined],
  ['another CUDA: its index', ['torch==2.3.1'], { cuda: '11.8' }, `${WHL}/cu118`],
  ['a patch level counts for nothing', ['torch==1.12.1'], { cuda: '11.6.2' }, `${WHL}/cu116`],
  ['a CUDA between two builds: the one below', ['torch==1.12.1'], { cuda: '11.5' }, `${WHL}/cu113`],
  ['two parts of a version', ['torch==2.0'], { cuda: '11.8' }, `${WHL}/cu118`],
  ['builds older than the data', ['torch==1.8.1'], { cuda: '11.1' }, `${WHL}/cu111`],
  ['a range: the flavour that is asked for', ['torch>=2.0'], { cuda: '12.1' }, `${WHL}/cu121`],
  ['no version and a flavour that never was: the one below', ['torch'], { cuda: '12.2' }, `${WHL}/cu121`],
  ['a torch that the data does not know yet', ['torch==9.0.0'], { cuda: '12.8' }, `${WHL}/cu128`],
  ['a local version: its index', ['torch==2.0.1+cu118'], {}, `${WHL}/cu118`],
  ['a local version of another of the family', ['torchvision==0.15.2+cu118', 'torch==2.0.1'], {}, `${WHL}/cu118`],
  ['the requirements name the index themselves', ['torch==2.0.1+cu118'], { named: [`${WHL}/cu118`] }, undefined],
  [
    'the requirements name it, and no version does',
    ['torch==2.0.1'],
    { named: [`${WHL}/cu118`], cuda: '11.8' },
    undefined,
  ],
  [
    'an old torch, whose CUDA on PyPI is for old GPUs: the newest',
    ['torch==1.12.1', 'torchvision==0.13.1'],
    {},
    `${WHL}/cu116`,
  ],
  ['torch 1.8', ['torch==1.8.1'], {}, `${WHL}/cu111`],
  ['older than any other CUDA', ['torch==1.6.0'], {}, undefined],
  ['since 1.13 PyPI has it', ['torch==1.13.1'], {}, undefined],
  ['an old torch for arm64', ['torch==1.12.1'], { platform: 'linux/arm64' }, undefined],
  ['no GPU: the build without CUDA', ['torch==2.0.1'], { gpu: false }, `${WHL}/cpu`],
  ['no GPU, arm64: PyPI had no CUDA there', ['torch==2.0.1'], { gpu: false, platform: 'linux/arm64' }, undefined],
  ['no GPU, arm64: PyPI has it since 2.11', ['torch==2.11.0'], { gpu: false, platform: 'linux/arm64' }, `${WHL}/cpu`],
  ['no GPU, arm64, any torch', ['torch'], { gpu: false, platform: 'linux/arm64' }, `${WHL}/cpu`],
  ["PyPI's CUDA, but arm64", ['torch==2.9.0'], { cuda: '12.8', platform: 'linux/arm64' }, `${WHL}/cu128`],
  ["PyPI's CUDA for arm64 too", ['torch==2.11.0'], { cuda: '13.0', platform: 'linux/arm64' }, undefined],
  ['only what PyPI has is known of it', ['torch==2.15.0'], { cuda: '13.2' }, undefined],
  ['only what PyPI has is known of it, and it is another', ['torch==2.15.0'], { cuda: '12.6' }, `${WHL}/cu126`],
  ['a CUDA newer than any', ['torch==1.8.1'], { cuda: '12.4' }, `${WHL}/cu111`],
])('%s', (_, lines, change, index) => {
  expect(choose(lines, change).index).toBe(index);
});

test.each<[readonly string[], Parameters<typeof choose>[1], RegExp]>([
  [
    ['torch==2.0.1+cu118'],
    { cuda: '12.1' },
    /cuda: 12\.1 is asked for, but r\.txt:1: torch==2\.0\.1\+cu118 brings CUDA 11\.8/,
  ],
  [['torch==2.0.1+cpu'], { cuda: '11.8' }, /brings a build without CUDA/],
  [['torch==2.0.1'], { cuda: '11.8', named: [`${WHL}/cu117`] }, /whl\/cu117 brings CUDA 11\.7/],
  [['torch==2.0.1+cu118', 'torchvision==0.15.2+cu117'], {}, /different CUDA/],
  [['torch==2.0.1+cu118'], { gpu: false }, /gpu: false, but/],
  [
    ['torch==2.9.0'],
    { cuda: '11.8' },
    /cuda: 11\.8 is asked for, but torch 2\.9\.0 was never built for CUDA 11; torch 2\.7\.1 was the last: the build for CUDA 12\.6 is taken/,
  ],
  [
    ['torch==2.0.1'],
    { cuda: '12.1' },
    /never built for CUDA 12; torch 2\.1\.0 was the first: the build for CUDA 11\.8/,
  ],
])('%s contradicts', (lines, change, text) => {
  expect(choose(lines, change).contradictions.map((item) => item.text)).toEqual([expect.stringMatching(text)]);
});

test.each([
  [['torch==2.3.0', 'torchvision==0.15.2'], ['torchvision==0.18.0'], ['torch==2.0.1']],
  [['torch==2.0.1+cu118', 'torchvision==0.15.2', 'torchaudio==2.0.2+cu118'], [], []],
  [['torch==2.0.1', 'torchaudio==0.13.1'], ['torchaudio==2.0.2'], ['torch==1.13.1']],
  [['torch==2.0.1', 'torchvision==0.99'], [], []],
  [['torch>=2', 'torchvision==0.15.2'], [], []],
])('%s: the family conflicts in %s', (lines, fits, torches) => {
  const conflicts = torchConflicts(roots(...lines), table);
  expect(conflicts.map((item) => item.fits)).toEqual(fits);
  expect(conflicts.map((item) => item.fittingTorch)).toEqual(torches);
});

test.each([
  ['cu118', '11.8'],
  ['cu102', '10.2'],
  ['cu130', '13.0'],
  ['cpu', undefined],
])('%s is CUDA %s', (flavour, cuda) => {
  expect(cudaOfFlavour(flavour)).toBe(cuda);
});

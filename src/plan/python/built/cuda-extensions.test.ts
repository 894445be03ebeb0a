import { expect, it } from 'vitest';
import { cudaExtension } from './cuda-extensions.ts';

it.each([
  ['flash-attn', { torch: '2.1.0', cuda: '12.1' }, /flash-attention\/releases for torch 2\.1 by URL/],
  ['torch-scatter', { torch: '2.1.2+cu118', cuda: '12.1' }, /data\.pyg\.org\/whl\/torch-2\.1\.0\+cu118\.html/],
  ['mmcv', { torch: '2.0.1', cuda: '11.7' }, /mmcv\/dist\/cu117\/torch2\.0\/index\.html/],
  ['mmcv-full', { torch: undefined, cuda: undefined }, /mmcv\/dist\/cuVERSION\/torchVERSION\/index\.html/],
])('%s: where its wheels are', (name, model, expected) => {
  expect(cudaExtension(name, model)).toMatch(expected);
});

it('says nothing of other projects', () => {
  expect(cudaExtension('numpy', { torch: '2.1.0', cuda: '12.1' })).toBeUndefined();
  expect(cudaExtension('constructor', { torch: undefined, cuda: undefined })).toBeUndefined();
});

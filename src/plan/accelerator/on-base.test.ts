import { expect, test } from 'vitest';
import type { Target } from '../../lock/schema.generated.ts';
import { acceleratorOnBase, cudaOfBase } from './on-base.ts';
import { acceleratorTable } from './table.ts';

const cuda = {
  kind: 'image',
  image: 'docker.io/nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04',
  env: ['PATH=/usr/bin', 'CUDA_VERSION=12.4.1', 'NV_CUDNN_VERSION=9.1.0.70-1'],
} as unknown as Target['base'];
const plain = { kind: 'image', image: 'docker.io/library/ubuntu:22.04', env: [] } as unknown as Target['base'];
const debian: Target['base'] = { kind: 'debian', suite: 'bookworm', why: '' };
const none = { provider: 'wheels', why: 'gpu: true' } as const;

test('an image of NVIDIA says what it has', () => {
  expect(cudaOfBase(cuda)).toEqual({ cuda: '12.4', cudnn: '9.1' });
  expect(cudaOfBase(plain)).toBeUndefined();
  expect(cudaOfBase(debian)).toBeUndefined();
});

test('CUDA of the base, where no wheel brings any', () => {
  const table = acceleratorTable();
  expect(acceleratorOnBase(none, cuda, () => table)).toEqual({
    cuda: '12.4',
    cudnn: '9.1',
    provider: 'base',
    why: 'gpu: true',
    from: {
      cuda: 'docker.io/nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04',
      cudnn: 'docker.io/nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04',
    },
    minimumDriver: '525.60.13',
    table: { date: table.date, sha256: table.digest },
  });
});

test('what wheels bring counts; a base that is gone leaves nothing behind', () => {
  const unread = () => {
    throw new Error('the table is not needed');
  };
  const wheels = { cuda: '11.8', provider: 'wheels', why: '' } as const;
  expect(acceleratorOnBase(wheels, cuda, unread)).toBe(wheels);
  expect(acceleratorOnBase(null, cuda, unread)).toBeNull();
  expect(acceleratorOnBase({ cuda: '12.4', provider: 'base', why: 'gpu: true' }, debian, unread)).toEqual(none);
  expect(acceleratorOnBase(none, plain, unread)).toEqual(none);
});

import { expect, test } from 'vitest';
import type { PlacedFile } from '../../lock/schema.generated.ts';
import { fileInImage, imageCommand, imagePath } from './image-path.ts';

const debian = { provider: 'debian', version: '3.11.2', path: '/usr/bin/python3' } as const;
const standalone = {
  provider: 'standalone',
  version: '3.10.4',
  path: '/usr/local/bin/python3.10',
  modules: 'usr/local/lib/python3.10/site-packages',
} as const;
const base = {
  provider: 'base',
  version: '3.12.3',
  path: '/opt/conda/bin/python',
  modules: 'opt/conda/lib/python3.12/site-packages',
} as const;

test.each([
  [
    '/root/.pyenv/versions/3.11.12/lib/python3.11/site-packages/a/b.py',
    debian,
    '/usr/local/lib/python3.11/dist-packages/a/b.py',
  ],
  ['/usr/local/lib/python3.11/site-packages', debian, '/usr/local/lib/python3.11/dist-packages'],
  ['/usr/lib/python3/dist-packages/a', debian, '/usr/lib/python3/dist-packages/a'],
  ['/opt/usr/local/lib/python3.11/site-packages', debian, '/opt/usr/local/lib/python3.11/site-packages'],
  [
    '/root/.pyenv/versions/3.10.15/lib/python3.10/site-packages/a',
    standalone,
    '/usr/local/lib/python3.10/site-packages/a',
  ],
  ['/usr/local/lib/python3.10/site-packages/a', standalone, '/usr/local/lib/python3.10/site-packages/a'],
  [
    '/root/.pyenv/versions/3.9.1/lib/python3.9/site-packages/a',
    standalone,
    '/root/.pyenv/versions/3.9.1/lib/python3.9/site-packages/a',
  ],
  ['/usr/local/lib/python3.12/site-packages/a', base, '/opt/conda/lib/python3.12/site-packages/a'],
])('%s', (path, interpreter, expected) => {
  expect(imagePath(path, interpreter)).toBe(expected);
});

test.each([
  [
    'sed -i "s/a/b/" /root/.pyenv/versions/3.11.12/lib/python3.11/site-packages/torch/_inductor/post_grad.py',
    debian,
    'sed -i "s/a/b/" /usr/local/lib/python3.11/dist-packages/torch/_inductor/post_grad.py',
  ],
  [
    'cp a.so "/usr/local/lib/python3.11/site-packages/"; rm /usr/local/lib/python3.11/site-packages-old',
    debian,
    'cp a.so "/usr/local/lib/python3.11/dist-packages/"; rm /usr/local/lib/python3.11/site-packages-old',
  ],
  [
    '/root/.pyenv/versions/3.10.15/bin/python3.10 -m compileall /x',
    standalone,
    '/usr/local/bin/python3.10 -m compileall /x',
  ],
  ['/root/.pyenv/shims/python setup.py', debian, '/usr/bin/python3 setup.py'],
  [
    'ls /root/.pyenv/versions/$V/lib/python3.11/site-packages',
    debian,
    'ls /root/.pyenv/versions/$V/lib/python3.11/site-packages',
  ],
  [
    'cd /root/.pyenv/versions/*/lib/python3.12/site-packages && ls',
    base,
    'cd /opt/conda/lib/python3.12/site-packages && ls',
  ],
  ['echo /x/usr/local/lib/python3.11/site-packages', debian, 'echo /x/usr/local/lib/python3.11/site-packages'],
])('%s', (command, interpreter, expected) => {
  expect(imageCommand(command, interpreter)).toBe(expected);
});

test.each([
  [
    'a link that stands for the folder stays where it is wanted',
    '/root/.pyenv/versions/3.11.12/lib/python3.11/site-packages',
    '/usr/local/lib/python3.11/site-packages',
    '/root/.pyenv/versions/3.11.12/lib/python3.11/site-packages',
    '/usr/local/lib/python3.11/dist-packages',
  ],
  [
    'a link inside goes where the packages are',
    '/usr/local/lib/python3.11/site-packages/mine',
    '/opt/mine',
    '/usr/local/lib/python3.11/dist-packages/mine',
    '/opt/mine',
  ],
])('%s', (_, path, target, place, points) => {
  const link = { kind: 'symlink', path, target, from: 'build.run[0]', order: 0 } as PlacedFile;
  expect(fileInImage(link, debian)).toMatchObject({ path: place, target: points });
});

import { expect, it } from 'vitest';
import { aFile, aTarget } from '../../../test/builders/lock.ts';
import { graphOf } from './edges.ts';

it('tells of files and steps where they come from', () => {
  const target = aTarget({
    files: [
      {
        path: '/usr/local/bin/pget',
        kind: 'file',
        mode: '0755',
        asked: 'https://h.test/latest',
        file: aFile('pget'),
        from: 'build.run[0]',
        order: 0,
      },
    ],
    steps: [
      { command: 'make', why: 'make is a program to run', from: 'build.run[1]', order: 1, cwd: '/', network: 'none' },
    ],
  });
  expect([...graphOf(target, 'files').values()]).toMatchObject([
    { name: '/usr/local/bin/pget', asked: ['build.run[0]: https://h.test/latest'], requires: [] },
  ]);
  expect([...graphOf(target, 'steps').values()]).toMatchObject([
    { name: 'build.run[1]', version: 'network none', asked: ['make (make is a program to run)'] },
  ]);
});

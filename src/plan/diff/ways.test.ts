import { expect, it } from 'vitest';
import { aDeb, aTarget, aWheel } from '../../../test/builders/lock.ts';
import { graphOf, shortestPaths } from './edges.ts';
import { waysTo } from './ways.ts';

const target = aTarget({
  python: {
    indexes: [],
    packages: [
      aWheel('app', '1', { asked: ['r.txt:1: app'], requires: ['lib[fast]>=1', 'other'] }),
      aWheel('lib', '2', { requires: ['leaf', 'other'] }),
      aWheel('other', '3', { requires: ['leaf<9', 'lib'] }),
      aWheel('leaf', '4'),
    ],
  },
});

it('tells each way from what was asked, the shortest first, through no package twice', () => {
  expect(waysTo(graphOf(target, 'python'), 'leaf')).toEqual({
    ways: [
      ['r.txt:1: app', 'app 1', 'lib[fast]>=1', 'leaf'],
      ['r.txt:1: app', 'app 1', 'other', 'leaf<9'],
      ['r.txt:1: app', 'app 1', 'other', 'lib', 'leaf'],
      ['r.txt:1: app', 'app 1', 'lib[fast]>=1', 'other', 'leaf<9'],
    ],
    more: false,
  });
});

it('stops where there are more ways than anybody reads', () => {
  const layer = (depth: number) =>
    ['a', 'b'].map((side) =>
      aWheel(`${side}${depth}`, '1', {
        requires: depth === 0 ? ['leaf'] : [`a${depth - 1}`, `b${depth - 1}`],
        ...(depth === 12 ? { asked: [`r.txt:1: ${side}`] } : {}),
      }),
    );
  const packages = [...Array.from({ length: 13 }, (_, depth) => layer(depth)).flat(), aWheel('leaf', '1')];
  const { ways, more } = waysTo(graphOf(aTarget({ python: { indexes: [], packages } }), 'python'), 'leaf');
  expect(ways.length).toBeLessThanOrEqual(12);
  expect(more).toBe(true);
});

it('lets the project go before what every image has', () => {
  const packages = [
    aDeb('libc6', '2'),
    aDeb('mawk', '1', { depends: ['libc6'] }),
    aDeb('tool', '1', { group: 'system', asked: 'build.system_packages: tool', depends: ['libc6'] }),
  ];
  const graph = graphOf(aTarget({ system: { archives: [], packages } }), 'system');
  expect(shortestPaths(graph).get('libc6')).toEqual(['tool', 'libc6']);
  expect(shortestPaths(graph).get('mawk')).toEqual(['mawk']);
});

it('finds the way to a package that another recommends', () => {
  const packages = [
    aDeb('fonts', '1', { group: 'system' }),
    aDeb('tool', '1', { group: 'system', asked: 'build.system_packages: tool', recommends: ['fonts'] }),
  ];
  const { ways } = waysTo(graphOf(aTarget({ system: { archives: [], packages } }), 'system'), 'fonts');
  expect(ways).toEqual([['build.system_packages: tool', 'tool 1', 'fonts (recommended)']]);
});

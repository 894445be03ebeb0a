import { describe, expect, it } from 'vitest';
import { type Sha256, sha256 } from '../digest.ts';
import type { PythonPackage, SystemPackage, Target } from '../lock/schema.generated.ts';
import { planLayers } from './plan-layers.ts';
import { recipeKey } from './recipe.ts';

const MB = 1_000_000;

function deb(
  name: string,
  group: SystemPackage['group'],
  depends: readonly string[] = [],
  version = '1',
): SystemPackage {
  const file = { url: `https://deb.test/${name}_${version}.deb`, sha256: sha256(`${name} ${version}`), size: 1000 };
  return { name, version, architecture: 'amd64', group, file, depends: [...depends], scripts: {} };
}

function wheel(name: string, size: number, version = '1.0'): PythonPackage {
  const file = {
    url: `https://wheels.test/${name}-${version}-py3-none-any.whl#x`,
    sha256: sha256(`${name} ${version}`),
    size,
  };
  return { name, version, file, requires: [] };
}

function target(change: { debs?: SystemPackage[]; wheels?: PythonPackage[] } = {}): Target {
  return {
    base: { kind: 'debian', suite: 'bookworm', why: 'test' },
    interpreter: { version: '3.11.2', provider: 'debian', path: '/usr/bin/python3.11', why: 'test' },
    accelerator: null,
    system: { archives: [], packages: change.debs ?? baseDebs },
    python: {
      indexes: [],
      packages: change.wheels ?? [
        wheel('small', 1),
        wheel('torch', 700 * MB),
        wheel('numpy', 18 * MB),
        wheel('tiny', 2),
      ],
    },
    files: [],
    weights: [],
    steps: [],
    runtime: { sdk: wheel('cog', 1), server: [wheel('uvicorn', 1), wheel('orjson', 1)] },
    image: { env: [], entrypoint: [], cmd: [], workdir: '/src', user: '', ports: [], labels: {} },
    seals: [],
  };
}

const baseDebs = [
  deb('libc6', 'base'),
  deb('tini', 'base'),
  deb('python3.11', 'interpreter', ['python3.11-minimal', 'tini']),
  deb('python3.11-minimal', 'interpreter', ['libc6', 'libexpat1']),
  deb('libexpat1', 'interpreter', ['libc6']),
  deb('libgl1', 'system', ['libc6']),
];

const plan = (of: Target, bytecode = true) => planLayers(of, 'linux/amd64', { bytecode });
const keys = (of: Target): Map<string, Sha256> =>
  new Map(plan(of).map(({ layer, recipe }) => [layer, recipeKey(recipe)]));
const moved = (before: Target, after: Target): string[] => {
  const old = keys(before);
  return [...keys(after)].filter(([layer, key]) => old.get(layer) !== key).map(([layer]) => layer);
};

describe('planLayers', () => {
  it('puts what changes rarely below, and each large wheel by itself', () => {
    expect(plan(target()).map(({ layer, family }) => `${layer}: ${family}`)).toEqual([
      'base: base',
      'interpreter: interpreter',
      'system: system',
      'configuration: system',
      'wheel/torch: python',
      'wheel/numpy: python',
      'wheels: python',
      'server: runtime',
      'cog: runtime',
      'bytecode/interpreter: interpreter',
      'bytecode/wheel/torch: python',
      'bytecode/wheel/numpy: python',
      'bytecode/wheels: python',
      'bytecode/server: runtime',
      'bytecode/cog: runtime',
    ]);
  });

  it('leaves the other layers as they are without bytecode', () => {
    const all = plan(target());
    expect(plan(target(), false)).toEqual(all.filter(({ recipe }) => recipe.kind !== 'bytecode'));
  });

  it('does not depend on the order of the lock', () => {
    const shuffled = target({ debs: [...baseDebs].reverse(), wheels: [...target().python.packages].reverse() });
    expect(plan(shuffled)).toEqual(plan(target()));
  });

  it('configures sealed packages once, above the configuration of the others', () => {
    const sealed: SystemPackage = { ...deb('openjdk', 'system'), configure: 'sealed' };
    const layers = plan(target({ debs: [...baseDebs, sealed] }));
    const at = layers.findIndex(({ layer }) => layer === 'configuration/sealed');
    expect(layers[at - 1]).toMatchObject({ layer: 'configuration', recipe: { sealed: ['openjdk'] } });
    expect(layers[at]).toMatchObject({
      recipe: { kind: 'step', network: 'none', below: layers.slice(0, at).map(({ recipe }) => recipeKey(recipe)) },
      step: { accepted: true, once: true },
    });
    const plain = plan(target());
    expect(plain.find(({ layer }) => layer === 'configuration')?.recipe).not.toHaveProperty('sealed');
  });

  it('has no system layer when nothing is asked for', () => {
    const layers = plan(target({ debs: baseDebs.filter(({ group }) => group !== 'system') }));
    expect(layers.map(({ layer }) => layer)).not.toContain('system');
  });

  it('compiles the modules of asked packages that need Python', () => {
    const debs = [...baseDebs, deb('python3-yaml', 'system', ['python3.11'])];
    const layer = plan(target({ debs })).find((item) => item.layer === 'bytecode/system');
    expect(layer?.recipe).toMatchObject({ kind: 'bytecode', debs: [{ name: 'python3-yaml' }], wheels: [] });
  });

  it('moves one wheel layer and its bytecode when one wheel moves', () => {
    const wheels = target().python.packages.map((item) =>
      item.name === 'numpy' ? wheel('numpy', 19 * MB, '2.0') : item,
    );
    expect(moved(target(), target({ wheels }))).toEqual(['wheel/numpy', 'bytecode/wheel/numpy']);
    const small = target().python.packages.map((item) => (item.name === 'tiny' ? wheel('tiny', 5, '2.0') : item));
    expect(moved(target(), target({ wheels: small }))).toEqual(['wheels', 'bytecode/wheels']);
  });

  it('leaves bytecode alone when a package moves that the compiler does not run from', () => {
    const debs = baseDebs.map((item) => (item.name === 'libgl1' ? deb('libgl1', 'system', ['libc6'], '2') : item));
    expect(moved(target(), target({ debs }))).toEqual(['system', 'configuration']);
    const tini = baseDebs.map((item) => (item.name === 'tini' ? deb('tini', 'base', [], '2') : item));
    expect(moved(target(), target({ debs: tini })).filter((layer) => layer.startsWith('bytecode'))).toEqual([]);
  });

  it('compiles with the closure of the minimal interpreter', () => {
    const recipe = plan(target()).find(({ layer }) => layer === 'bytecode/wheels')?.recipe;
    expect(recipe).toMatchObject({
      rootDebs: [{ name: 'libc6' }, { name: 'libexpat1' }, { name: 'python3.11-minimal' }],
    });
  });

  it('stays within the budget of layers, the source included', () => {
    const wheels = Array.from({ length: 150 }, (_, index) => wheel(`w${index}`, 20 * MB + index));
    const layers = plan(target({ wheels, debs: [...baseDebs, deb('python3-yaml', 'system', ['python3.11'])] }));
    expect(layers.length + 1).toBeLessThanOrEqual(100);
    expect(layers.length).toBeGreaterThan(90);
    expect(new Set(layers.map(({ layer }) => layer)).size).toBe(layers.length);
    const installed = layers.flatMap(({ recipe }) => (recipe.kind === 'wheels' ? recipe.wheels : []));
    expect(new Set(installed.map(({ filename }) => filename)).size).toBe(153);
  });

  it('installs the model where Debian looks, and the server apart from it', () => {
    const schemes = new Map(
      plan(target()).flatMap(({ layer, recipe }) => (recipe.kind === 'wheels' ? [[layer, recipe.scheme]] : [])),
    );
    expect(schemes.get('wheels')).toEqual({
      purelib: 'usr/local/lib/python3.11/dist-packages',
      platlib: 'usr/local/lib/python3.11/dist-packages',
      scripts: 'usr/local/bin',
      headers: 'usr/local/include/python3.11',
      data: 'usr/local',
      interpreter: '/usr/bin/python3.11',
    });
    expect(schemes.get('cog')).toEqual(schemes.get('wheels'));
    expect(schemes.get('server')?.purelib).toBe('usr/local/lib/cogplan/server');
  });

  it('takes the file name of a wheel from its URL', () => {
    const item = wheel('torch', 1);
    const file = {
      ...item.file,
      url: 'https://wheels.test/torch-2.2.2%2Bcpu-cp311-cp311-linux_x86_64.whl?x=1#sha256=0',
    };
    const recipe = plan(target({ wheels: [{ ...item, file }] })).find(({ layer }) => layer === 'wheels')?.recipe;
    expect(recipe).toMatchObject({ wheels: [{ filename: 'torch-2.2.2+cpu-cp311-cp311-linux_x86_64.whl' }] });
  });
});

import { describe, expect, it } from 'vitest';
import { aSpec, located, requirements } from '../../test/builders/spec.ts';
import { parseSettings } from '../spec/parse-settings.ts';
import type { Spec } from '../spec/spec.ts';
import { askedOf, compareAsked } from './asked.ts';

const asked = (change: Partial<Spec> = {}) => askedOf(aSpec(change));

describe('askedOf', () => {
  it('holds meaning only: places do not matter', () => {
    expect(asked({ pythonVersion: located('3.11', 99) })).toEqual(asked({ pythonVersion: located('3.11', 1) }));
  });

  it('never holds credentials', () => {
    const index = located('https://me:secret@index.test/simple');
    const text = JSON.stringify(
      asked({ requirements: { ...requirements('six'), indexUrl: index, extraIndexUrls: [index] } }),
    );
    expect(text).toContain('https://index.test/simple');
    expect(text).not.toContain('secret');
  });
});

describe('compareAsked', () => {
  it('finds nothing between equal asks', () => {
    expect(compareAsked(asked(), asked())).toEqual([]);
  });

  it.each<[string, Partial<Spec>, string, string]>([
    ['the interpreter', { pythonVersion: located('3.13') }, 'interpreter', 'build.python_version'],
    ['a system package', { systemPackages: [located('curl')] }, 'system', 'build.system_packages'],
    ['a requirement', { requirements: requirements('six') }, 'python', 'requirements'],
    ['a run command', { run: [{ command: 'ls', mounts: [], where: { file: 'cog.yaml' } }] }, 'steps', 'build.run'],
    ['the GPU', { gpu: true }, 'accelerator', 'build.gpu'],
    ['a variable', { environment: [{ name: 'A', value: 'b', where: { file: 'cog.yaml' } }] }, 'image', 'environment'],
    ['the model', { predict: { file: 'predict.py', name: 'P', where: { file: 'cog.yaml' } } }, 'image', 'predict'],
  ])('names family and key of %s', (_name, change, family, key) => {
    expect(compareAsked(asked(), asked(change))).toMatchObject([{ family, key }]);
    expect(compareAsked(asked(change), asked())).toMatchObject([{ family, key }]);
  });

  it('takes recommended packages for a wish only where there are any', () => {
    const wanting = (text: string) => asked({ settings: parseSettings(text) });
    expect(wanting('recommends: false')).toEqual(asked());
    expect(wanting('recommends: []')).toEqual(asked());
    expect(wanting('recommends: [sox, git, sox]')).toEqual(wanting('recommends: [git, sox]'));
    expect(compareAsked(asked(), wanting('recommends: true'))).toEqual([
      { family: 'system', key: 'recommends', before: undefined, after: true },
    ]);
  });

  it('shows both values', () => {
    expect(compareAsked(asked(), asked({ pythonVersion: located('3.13') }))).toEqual([
      { family: 'interpreter', key: 'build.python_version', before: '3.11', after: '3.13' },
    ]);
  });
});

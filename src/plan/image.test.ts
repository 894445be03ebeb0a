import { expect, it } from 'vitest';
import { aTarget } from '../../test/builders/lock.ts';
import { aSpec } from '../../test/builders/spec.ts';
import { parseSettings } from '../spec/parse-settings.ts';
import type { Spec } from '../spec/spec.ts';
import { imageOf } from './image.ts';

function fetched(settings: string, change: Partial<Spec> = {}): readonly string[] {
  const spec = aSpec({ settings: parseSettings(settings), ...change });
  return imageOf(spec, '1.0', aTarget()).env.filter((entry) => entry.startsWith('COGPLAN_FETCHED='));
}

it('the runtime is told of addresses that are to be answered, and of no others', () => {
  const settings = `files:
  - { url: "https://h.test/b", path: /w/z, answers: pget }
  - { url: "https://h.test/b", path: /w/a, answers: pget }
  - { url: "https://h.test/a.tar", path: /w/t, unpack: true, answers: pget }
  - { url: "https://h.test/other", path: /w/o }
`;
  expect(fetched(settings)).toEqual([
    'COGPLAN_FETCHED={"https://h.test/a.tar":["/w/t"],"https://h.test/b":["/w/a","/w/z"]}',
  ]);
  expect(fetched('files:\n  - { url: "https://h.test/other", path: /w/o }\n')).toEqual([]);
  const own = { name: 'COGPLAN_FETCHED', value: '{}', where: { file: 'cog.yaml' } };
  expect(fetched(settings, { environment: [own] })).toEqual(['COGPLAN_FETCHED={}']);
});

it('more than one variable can hold is refused', () => {
  const file = (number: number): string =>
    `  - { url: "https://h.test/${number}", path: /w/${number}, answers: pget }\n`;
  const files = (count: number): string =>
    `files:\n${Array.from({ length: count }, (_, index) => file(index)).join('')}`;
  expect(fetched(files(1000))).toHaveLength(1);
  expect(() => fetched(files(5000))).toThrow(
    expect.objectContaining({ code: 'COGPLAN_SETTINGS_INVALID', where: expect.objectContaining({ line: 2 }) }),
  );
});

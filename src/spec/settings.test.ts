import { expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { parseSettings } from './parse-settings.ts';

function problemsOf(text: string): readonly string[] {
  try {
    parseSettings(text);
  } catch (error) {
    if (!(error instanceof CogplanError)) throw error;
    const others = (error.data?.others ?? []) as Pick<CogplanError, 'code' | 'message' | 'where' | 'hint'>[];
    return [error, ...others].map(
      ({ code, message, where, hint }) => `${code} ${where?.line}:${where?.column} ${message}. ${hint ?? ''}`,
    );
  }
  return [];
}

test('values with their places', () => {
  const settings = parseSettings(
    'base: bookworm\nindexes:\n  - name: ours\n    url: https://pypi.example/simple\n    packages: [ours-*]\nmirrors:\n  deb.debian.org: https://mirror.example/debian\n',
  );
  expect(settings.values).toEqual({
    base: 'bookworm',
    indexes: [{ name: 'ours', url: 'https://pypi.example/simple', packages: ['ours-*'] }],
    mirrors: { 'deb.debian.org': 'https://mirror.example/debian' },
  });
  expect(settings.where(['indexes', 0, 'url'])).toMatchObject({ file: 'cogplan.yaml', line: 4, column: 5 });
  expect(settings.where(['base'])).toMatchObject({ line: 1, column: 1 });
  expect(settings.where(['network'])).toEqual({ file: 'cogplan.yaml', line: 1, column: 1, key: undefined });
});

test('an empty file asks for nothing', () => {
  expect(parseSettings('# later\n').values).toEqual({});
});

test.each([
  ['bsae: x', '1:1 unknown key "bsae". Did you mean base?'],
  ['base: [x]', '1:1 base must be a string. Write one value in quotes.'],
  ['network: recoded', '1:1 network is "recoded". Did you mean recorded?'],
  ['indexes:\n  - name: a', '2:5 indexes[0].url is required. '],
  [
    'indexes:\n  - {name: a, url: https://h/, package: [b]}',
    '2:32 unknown key "package" in indexes[0]. Did you mean packages?',
  ],
  ['indexes: https://h/', '1:1 indexes must be a list. Start each item on a line of its own with "- ".'],
  [
    'mirrors: {"a b": https://h/}',
    '1:11 "a b" is no host and no URL prefix. Write deb.debian.org, or https://host/path.',
  ],
  ['mirrors: {a/b: ftp://h}', '1:11 mirrors.a/b is "ftp://h". Give an http or https URL; mirrors carry no user name.'],
  ['platforms: []', '1:1 platforms must NOT have fewer than 1 items. '],
  ['- a', '1:1 cogplan.yaml must be a mapping. Write keys with their values below it, indented.'],
])('%s', (text, told) => {
  expect(problemsOf(text)).toEqual([`COGPLAN_SETTINGS_INVALID ${told}`]);
});

test('all that is wrong at once, topmost first', () => {
  expect(problemsOf('network: x\nbase: 1\nfoo: 1\n').map((text) => text.split(' ')[1])).toEqual(['1:1', '2:1', '3:1']);
});

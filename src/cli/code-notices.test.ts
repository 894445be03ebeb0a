import { describe, expect, it } from 'vitest';
import { derivedMemory } from '../../test/builders/derived-memory.ts';
import { aSpec } from '../../test/builders/spec.ts';
import type { ProjectPython } from '../spec/project-python.ts';
import { codeNotices } from './code-notices.ts';

const FETCHING = `from urllib.request import urlretrieve
from cog import BasePredictor

class Predictor(BasePredictor):
    def setup(self) -> None:
        urlretrieve("https://example.com/a.bin", "a.bin")

    def predict(self, text: str) -> str:
        return text
`;
const QUIET = FETCHING.replace(/.*urlretrieve.*\n/g, '').replace('    def setup(self) -> None:\n\n', '');
const SPEC = aSpec({ predict: { file: 'predict.py', name: 'Predictor' } as never });

function project(files: Record<string, string>): ProjectPython & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    paths: Object.keys(files).sort(),
    read: (path) => {
      asked.push(path);
      return files[path];
    },
  };
}

describe('what a model fetches', () => {
  it('is told with its place, the first time and the second', async () => {
    const store = derivedMemory();
    const expected = [
      expect.objectContaining({ code: 'lock.unpinned-fetch', level: 'warn', file: 'predict.py', line: 6 }),
    ];
    expect(await codeNotices(store, SPEC, project({ 'predict.py': FETCHING }), 'a')).toEqual(expected);
    const again = project({ 'predict.py': FETCHING });
    expect(await codeNotices(store, SPEC, again, 'a')).toEqual(expected);
    expect(again.asked.filter((path) => path === 'predict.py')).toHaveLength(1);
    expect(new Set(again.asked).size).toBe(again.asked.length);
    expect(store.kept.size).toBe(1);
  });

  it('is read again when the file has changed, when a module is there that was not, and by another build', async () => {
    const store = derivedMemory();
    const helped = QUIET.replace('from cog', 'import helper\nfrom cog');
    expect(await codeNotices(store, SPEC, project({ 'predict.py': FETCHING }), 'a')).toHaveLength(1);
    expect(await codeNotices(store, SPEC, project({ 'predict.py': QUIET }), 'a')).toEqual([]);
    expect(await codeNotices(store, SPEC, project({ 'predict.py': helped }), 'a')).toEqual([]);
    const helper = 'from urllib.request import urlretrieve\nurlretrieve("https://example.com/b.bin", "b.bin")\n';
    expect(await codeNotices(store, SPEC, project({ 'predict.py': helped, 'helper.py': helper }), 'a')).toEqual([
      expect.objectContaining({ file: 'helper.py', line: 2 }),
    ]);
    await codeNotices(store, SPEC, project({ 'predict.py': FETCHING }), 'b');
    expect(store.kept.size).toBe(3);
  });

  it('is no warning any more when the project declares it', async () => {
    const store = derivedMemory();
    const files = project({ 'predict.py': FETCHING.replace('"a.bin")', '"/src/a.bin")') });
    expect(await codeNotices(store, SPEC, files, 'a')).toHaveLength(1);
    const weights = [{ target: '/src/a.bin' }] as never;
    expect(await codeNotices(store, { ...SPEC, weights }, files, 'a')).toEqual([]);
  });
});

it('a model that no server would take is told with the code of the error', async () => {
  const text = QUIET.replace('text: str', 'text');
  expect(await codeNotices(derivedMemory(), SPEC, project({ 'predict.py': text }), 'a')).toEqual([
    expect.objectContaining({ code: 'lock.model', error: 'COGPLAN_MODEL_SIGNATURE', file: 'predict.py' }),
  ]);
});

it('nothing is kept when the program runs from its sources', async () => {
  const store = derivedMemory();
  await codeNotices(store, SPEC, project({ 'predict.py': FETCHING }), 'source');
  expect(store.kept.size).toBe(0);
});

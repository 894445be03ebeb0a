import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { copyProject, corpusNumbers } from '../../scripts/corpus-projects.mjs';
import { classify, type Outcome } from './read-corpus.ts';

/*
 * `expected.json` says for each project of the corpus, by number, what reading it gives; CORPUS_RECORD=1 writes it anew, for a person to
 * review.
 */
const EXPECTED = new URL('expected.json', import.meta.url);

test('every project of the corpus is read, or refused with the codes that were reviewed', async (context) => {
  const expected = JSON.parse(await readFile(EXPECTED, 'utf8').catch(() => '{}')) as Readonly<Record<string, Outcome>>;
  const numbers = await corpusNumbers();
  if (numbers === undefined) {
    context.annotate('the corpus is not here: only the record of it is checked');
    expect(Object.keys(expected)).toHaveLength(95);
    return;
  }
  const outcomes: Record<string, Outcome> = {};
  for (const number of numbers) {
    const directory = await mkdtemp(join(tmpdir(), `cogplan-corpus-${number}-`));
    try {
      await copyProject(number, directory);
      outcomes[number] = await classify(directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
  if (process.env.CORPUS_RECORD === '1') {
    const lines = Object.entries(outcomes).map(([number, outcome]) => `  "${number}": ${JSON.stringify(outcome)}`);
    await writeFile(EXPECTED, `{\n${lines.join(',\n')}\n}\n`);
    return;
  }
  expect(outcomes).toEqual(expected);
});

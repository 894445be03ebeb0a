import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cogplan, cogplanJson, ROOT } from './cogplan.ts';

/*
 * Real models in the idioms of Cog's eras, each with a lock of its own. `test/models/run-on-cog.mjs` asks the same of the Cog of their era.
 */

interface Case {
  readonly model: string;
  readonly mode?: 'train';
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: unknown;
}

const MODELS = join(ROOT, 'test/models');
const CASES = JSON.parse(readFileSync(join(MODELS, 'cases.json'), 'utf8')) as readonly Case[];
const NAMES = [...new Set(CASES.map(({ model }) => model))];

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-models-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true, maxRetries: 3 }));

describe.each(NAMES)('%s', (name) => {
  it('locks, applies and answers right', async () => {
    const project = join(place, name);
    cpSync(join(MODELS, name), project, { recursive: true });
    // The committed lock has the packages; a newer `cog` wheel of this program comes in without a request.
    const { targets } = await cogplanJson<{ targets: readonly string[] }>(['lock', project, '--yes']);
    expect(targets).toEqual(['linux/amd64']);
    for (const { mode, input, output } of CASES.filter(({ model }) => model === name)) {
      const answer = await cogplanJson<{ output: unknown; status: string }>(
        [mode ?? 'predict', '.', ...wordsOf(input), ...(mode === 'train' ? ['-o', 'weights'] : [])],
        { cwd: project },
      );
      expect(answer.status).toBe('succeeded');
      expect(readable(answer.output)).toEqual(expected(output));
    }
  });
});

describe('training and prediction', () => {
  it('go together: the weights of one are those of the other', async () => {
    const project = join(place, 'markov-train');
    const untrained = join(place, 'untrained');
    cpSync(project, untrained, { recursive: true, filter: (path) => !path.endsWith('/weights') });
    const before = await cogplan(['predict', untrained, '-i', 'start=the']);
    expect(before.stderr).toContain('train it first');
    const { output } = await cogplanJson<{ output: string }>(['predict', project, '-i', 'start=the', '-i', 'seed=1']);
    expect(output).toMatch(/^the (?:fox|river|frog|moon)[a-z ]*$/);
  });
});

function wordsOf(input: Case['input']): readonly string[] {
  return Object.entries(input).flatMap(([name, value]) => [
    '-i',
    `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  ]);
}

/** Data URIs as their text. */
function readable(value: unknown): unknown {
  if (typeof value === 'string') {
    const base64 = /^data:[^,]*;base64,(.*)$/s.exec(value)?.[1];
    return base64 === undefined ? value : Buffer.from(base64, 'base64').toString('utf8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, readable(one)]));
}

function expected(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { contains, text } = value as { contains?: string; text?: string };
  if (contains !== undefined) return expect.stringContaining(contains);
  if (Object.keys(value).length === 1 && text !== undefined) return text;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expected(one)]));
}

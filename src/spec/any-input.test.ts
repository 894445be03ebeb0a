import '../../test/builders/fixed-seed.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { parseRequirementsLine } from '../formats/python/requirements-line.ts';
import { interpretRequirement } from './interpret-requirement.ts';
import { parseSettings } from './parse-settings.ts';
import { parseToml } from './toml-source.ts';
import { parseYaml } from './yaml-source.ts';

/* Whatever the text: it is read, or refused with a code. Nothing else is thrown, and nothing takes long. */

const where = { file: 'r.txt', line: 1 };
const PIECES = [
  ...[
    'numpy',
    'a',
    '==',
    '>=',
    '===',
    '1.0',
    '1.*',
    ',',
    ' ',
    ';',
    '[x]',
    '[',
    ']',
    '(',
    ')',
    '@',
    '#',
    '&',
    '%2F',
    '%',
    '\\',
  ],
  ...[
    'git+https://',
    'https://',
    'file:',
    './',
    '../',
    '/',
    '.whl',
    '.tar.gz',
    'egg=',
    'subdirectory=',
    'sha256=',
    '-e ',
    '--hash=',
  ],
  ...[
    'python_version',
    '"3"',
    'and',
    ' or ',
    'in',
    '$' + '{X}',
    '{',
    '}',
    ':',
    '- ',
    '\n',
    '\t',
    '"',
    "'",
    '&a',
    '*a',
    '<<',
    '?',
    '|',
    '>',
    '\u0000',
    '\u202e',
    'é',
    '💥',
  ],
];
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((parts) => parts.join('')),
);

async function readOrRefused(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CogplanError) || error.family === 'bug') throw error;
    expect(error.code).toMatch(/^COGPLAN_/);
    expect(error.message.length).toBeLessThan(3000);
  }
}

const runs = { numRuns: 1500 } as const;

test('a line of requirements', async () => {
  await fc.assert(
    fc.asyncProperty(texts, (text) =>
      readOrRefused(async () => {
        const line = parseRequirementsLine(text, where);
        if (line.requirement === '') return;
        const read = await interpretRequirement(line.requirement, { directory: '/nonexistent', where, from: 'r.txt' });
        // What was read in normal form is read again as the same.
        const again = await interpretRequirement(read.text, { directory: '/nonexistent', where, from: 'r.txt' });
        expect(again.text).toBe(read.text);
      }),
    ),
    { ...runs, examples: [['https://numpy;#'], ['https://numpy;'], ['./a ;#egg=b']] },
  );
});

test('YAML, and settings', async () => {
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      await readOrRefused(() => {
        const source = parseYaml(text, 'cog.yaml');
        source.toPlain(source.root);
        source.fields(source.root);
      });
      await readOrRefused(() => parseSettings(text));
    }),
    runs,
  );
});

test('TOML', async () => {
  await fc.assert(
    fc.asyncProperty(texts, (text) => readOrRefused(() => parseToml(text, 'pylock.toml'))),
    runs,
  );
});

import { expect, test } from 'vitest';
import { requirementLine } from '../../../test/builders/spec.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import { projectRoots } from './roots.ts';
import { unknownExtras } from './unknown-extras.ts';

const markers = targetMarkers({ version: '3.11.2', platform: 'linux/amd64', glibc: '2.36' });
const packages = new Map([
  [
    'uvicorn',
    { version: '0.23.2', requires: ['h11>=0.8', 'httptools ; extra == "standard"', "x; 'http_two' == extra and a"] },
  ],
  ['six', { version: '1.16.0', requires: [] }],
]);
const told = (line: string) =>
  unknownExtras(projectRoots([requirementLine(line, { where: { file: 'r.txt', line: 4 } })], markers), packages).map(
    ({ text }) => text,
  );

test.each([
  [
    'uvicorn[standrad]',
    [
      'r.txt:4: uvicorn[standrad]: uvicorn 0.23.2 requires nothing for the extra standrad: did you mean uvicorn[standard]?',
    ],
  ],
  [
    'uvicorn[all-of-it,standard]',
    [
      'r.txt:4: uvicorn[all-of-it,standard]: uvicorn 0.23.2 requires nothing for the extra all-of-it: it has standard, http-two',
    ],
  ],
  ['six[fast]', ['r.txt:4: six[fast]: six 1.16.0 requires nothing for the extra fast: it has no extras']],
  ['uvicorn[Standard,HTTP.two]', []],
  ['other[x]', []],
])('%s', (line, texts) => {
  expect(told(line)).toEqual(texts);
});

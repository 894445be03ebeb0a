import { describe, expect, test } from 'vitest';
import { aSpec, requirementLine } from '../../../test/builders/spec.ts';
import { CogplanError } from '../../errors.ts';
import { parseSettings } from '../../spec/parse-settings.ts';
import { emptyRequirements } from '../../spec/read-python-file.ts';
import { atItsPlace } from './index-places.ts';

const at = (line: number) => ({ file: 'requirements.txt', line });
const spec = aSpec({
  requirements: {
    ...emptyRequirements(),
    indexUrl: { value: 'https://$' + '{USER}:$' + '{TOKEN}@pkgs.example/simple/', where: at(1) },
    requirements: [requirementLine('My.Lib>=1', { where: at(7) })],
    extraIndexUrls: [{ value: 'https://pkgs.example/simple/gpu', where: at(2) }],
    findLinks: [
      { value: 'https://wheels.example/list.html', where: at(3) },
      { value: './wheels', where: at(4) },
    ],
  },
  gpu: true,
  gpuWhere: { file: 'cog.yaml', line: 4 },
  settings: parseSettings('indexes:\n  - name: own\n    url: https://own.example/simple\n'),
});
const placeOf = (subject: string | undefined, message = 'it failed') =>
  (atItsPlace(new CogplanError('COGPLAN_NETWORK', message, { subject, hint: 'h' }), spec) as CogplanError).where;

describe('an error of an index stands at the line that names it', () => {
  test.each([
    ['https://pkgs.example/simple/lib/', at(1)],
    ['https://pkgs.example/simple', at(1)],
    ['https://pkgs.example/simple/gpu/torch/', at(2)],
    ['https://pkgs.example/files/lib-1.0-py3-none-any.whl', at(1)],
    ['https://wheels.example/list.html', at(3)],
    ['https://wheels.example/lib-1.0-py3-none-any.whl', at(3)],
    ['./wheels', at(4)],
    ['https://own.example/simple/lib/', { file: 'cogplan.yaml', line: 3, column: 5, key: 'indexes[0].url' }],
    ['https://pkgs.example.org/simple/lib/', undefined],
    ['https://pypi.org/simple/lib/', undefined],
    ['my_lib-1.0-py3-none-any.whl', at(7)],
    ['other-1.0-py3-none-any.whl', undefined],
    ['http://127.0.0.1:9/mirror/simple/my-lib/', at(7)],
    ['http://127.0.0.1:9/files/My_Lib-1.0-py3-none-any.whl.metadata', at(7)],
    ['https://download.pytorch.org/whl/cu118/my-lib/', at(7)],
    ['https://download.pytorch.org/whl/cu118/torch/', { file: 'cog.yaml', line: 4 }],
    [undefined, undefined],
  ])('%s', (subject, where) => {
    expect(placeOf(subject)).toEqual(where);
  });

  test('also when the text alone tells the URL', () => {
    expect(placeOf('lib', 'cannot reach https://wheels.example/list.html: refused')).toEqual(at(3));
  });

  test('one that has a place, or is no error of ours, stays what it is', () => {
    const error = new CogplanError('COGPLAN_NETWORK', 'x', { subject: 'https://own.example/simple', where: at(9) });
    expect(atItsPlace(error, spec)).toBe(error);
    expect(atItsPlace('text', spec)).toBe('text');
  });
});

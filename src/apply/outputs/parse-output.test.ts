import { describe, expect, it } from 'vitest';
import { isCogplanError } from '../../errors.ts';
import { type Output, parseOutput } from './parse-output.ts';

describe('parseOutput', () => {
  it.each<[string, Output]>([
    ['oci:image', { kind: 'oci', path: 'image' }],
    ['oci:/a:b/c', { kind: 'oci', path: '/a:b/c' }],
    ['tar:./model.tar', { kind: 'tar', path: './model.tar' }],
    ['docker:model', { kind: 'docker', repository: 'model', tag: 'latest' }],
    ['docker:model:1.0', { kind: 'docker', repository: 'model', tag: '1.0' }],
    ['docker:localhost:5000/a/b_c', { kind: 'docker', repository: 'localhost:5000/a/b_c', tag: 'latest' }],
    ['docker:r8.im/me/model:V-1', { kind: 'docker', repository: 'r8.im/me/model', tag: 'V-1' }],
    [
      'registry:model:1',
      { kind: 'registry', reference: { registry: 'docker.io', repository: 'library/model', tag: '1' } },
    ],
  ])('reads %s', (text, output) => {
    expect(parseOutput(text)).toEqual(output);
  });

  it.each([
    '',
    'image',
    'oci:',
    'tar:',
    'oci:a\0b',
    'docker:',
    'docker:Model',
    'docker:model:',
    'docker:model:-x',
    'docker:model@sha256:00',
    'docker:a//b',
    'docker:../x',
    `registry:model@sha256:${'a'.repeat(64)}`,
    'ssh:model',
    `docker:${'a'.repeat(256)}`,
  ])('refuses %j', (text) => {
    let failure: unknown;
    try {
      parseOutput(text);
    } catch (error) {
      failure = error;
    }
    expect(isCogplanError(failure, 'COGPLAN_OUTPUT_INVALID')).toBe(true);
  });
});

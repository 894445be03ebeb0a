import { expect, it } from 'vitest';
import { addFile, addRequirement, addToBuild, addWeights, setRequirementsFile } from './add-to-project.ts';

const COG =
  'build:\n  # why this one\n  python_version: "3.11" # quoted\n  system_packages:\n    - ffmpeg # for audio\nrun: "predict.py:P"\n';

it('adds to lists and keeps comments', () => {
  expect(addToBuild(COG, 'system_packages', 'libgl1')).toBe(
    COG.replace('# for audio\n', '# for audio\n    - libgl1\n'),
  );
  expect(addToBuild(COG, 'system_packages', 'ffmpeg')).toBe(COG);
  expect(setRequirementsFile(COG, 'requirements.txt')).toContain('  python_requirements: requirements.txt\n');
});

it('makes a list where there is none, and a file where there is none', () => {
  const file = { url: 'https://h.test/t', path: '/usr/local/bin/t', mode: '0755' };
  const text = addFile('', file);
  expect(text).toBe('files:\n  - url: https://h.test/t\n    path: /usr/local/bin/t\n    mode: "0755"\n');
  expect(addFile(text, { ...file, url: 'https://h.test/u' })).toBe(text.replace('/t\n    path', '/u\n    path'));
});

it('adds a line to requirements once', () => {
  expect(addRequirement('a', 'b>=1')).toBe('a\nb>=1\n');
  expect(addRequirement('a\nb>=1\n', 'b>=1')).toBe('a\nb>=1\n');
});

it('refuses what is no list', () => {
  expect(() => addToBuild('build:\n  system_packages: x\n', 'system_packages', 'y')).toThrow(/not a list/);
});

it('adds a set of weights beside comments, and replaces the one for the same target', () => {
  const text = 'weights:\n  # of the lab\n  - source: a\n    target: /src/a\n';
  const added = addWeights(text, { source: 's3://b/p', target: '/src/p', exclude: ['*.h5'], place: 'startup' });
  expect(added).toBe(
    `${text}  - source: s3://b/p\n    target: /src/p\n    exclude:\n      - "*.h5"\n    place: startup\n`,
  );
  expect(addWeights(added, { source: 'b', target: '/src/a' })).toContain('  - source: b\n    target: /src/a\n');
});

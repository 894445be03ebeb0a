import { expect, it } from 'vitest';
import { projectPath, projectUrl } from './project-url.ts';

it.each(['weights/a.bin', 'a file.whl', 'ünï/100%.bin', '.'])('names %s, and gives it back', (path) => {
  expect(projectPath(projectUrl(path))).toBe(path);
});

it('knows its own URLs alone, and takes one that is badly escaped as it stands', () => {
  expect(projectPath('https://host.test/project:a')).toBeUndefined();
  expect(projectPath('project:%zz')).toBe('%zz');
});

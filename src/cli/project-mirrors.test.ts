import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseMirrors, toMirror } from '../sources/http/mirrors.ts';
import { withProjectMirrors } from './project-mirrors.ts';

test('mirrors of cogplan.yaml join those of the environment, which win', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'cogplan-mirrors-'));
  try {
    const env = { COGPLAN_MIRRORS: 'https://pypi.org/=https://env.example/' };
    expect(await withProjectMirrors(env, directory)).toBe(env);
    await writeFile(
      join(directory, 'cogplan.yaml'),
      'mirrors:\n  deb.debian.org: https://mirror.example/deb\n  https://pypi.org/: https://own.example/\n  https://files.example/x: https://own.example/y\n',
    );
    const mirrors = parseMirrors((await withProjectMirrors(env, directory)).COGPLAN_MIRRORS);
    const asked = (url: string): string => toMirror(mirrors, url).url;
    expect(asked('https://deb.debian.org/debian/x')).toBe('https://mirror.example/deb/debian/x');
    expect(asked('http://deb.debian.org/x')).toBe('https://mirror.example/deb/x');
    expect(asked('https://pypi.org/simple/six/')).toBe('https://env.example/simple/six/');
    expect(asked('https://files.example/x/1')).toBe('https://own.example/y/1');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

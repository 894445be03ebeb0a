import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseDockerignore } from './dockerignore.ts';
import { listSourceTree, sourceTreeDigest } from './source-tree.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-source-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function create(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), path);
  }
}

/** Paths of which the patterns leave, judged parents first. */
function keep(patterns: string, paths: readonly string[]): readonly string[] {
  const rules = parseDockerignore(patterns, '.dockerignore');
  return paths.filter((path) => {
    const segments = path.split('/');
    let verdict: ReturnType<typeof rules.judge> | undefined;
    for (let depth = 1; depth <= segments.length; depth++) {
      verdict = rules.judge(segments.slice(0, depth).join('/'), verdict);
    }
    return verdict?.ignored === false;
  });
}

describe('.dockerignore', () => {
  const tree = [
    'README.md',
    'README-secret.md',
    'a.go',
    'temp',
    'tempa',
    'x/temp',
    'x/tempb/f',
    'x/y/temp',
    'x/y/z.go',
    'c++',
    'b[1].txt',
    '#h',
    'dir/keep',
    'dir/drop',
    ' s',
  ];
  test.each<[string, readonly string[]]>([
    ['', tree],
    ['# comment\n\n   \n', tree],
    ['*/temp*', tree.filter((path) => !['x/temp', 'x/tempb/f'].includes(path))],
    ['*/*/temp*', tree.filter((path) => path !== 'x/y/temp')],
    ['temp?', tree.filter((path) => path !== 'tempa')],
    ['**/*.go', tree.filter((path) => !path.endsWith('.go'))],
    ['**/temp', tree.filter((path) => !/(^|\/)temp$/.test(path))],
    ['**', []],
    ['*', []],
    ['x/**', tree.filter((path) => !path.startsWith('x/'))],
    ['/x/', tree.filter((path) => !path.startsWith('x/'))],
    ['./x/../x   ', tree.filter((path) => !path.startsWith('x/'))],
    ['*.md\n!README.md', tree.filter((path) => path !== 'README-secret.md')],
    ['*.md\n!README*.md\nREADME-secret.md', tree.filter((path) => path !== 'README-secret.md')],
    ['*.md\nREADME-secret.md\n!README*.md', tree],
    ['dir\n!dir/keep', tree.filter((path) => path !== 'dir/drop')],
    ['*\n! x/y\nx/y/temp', ['x/y/z.go']],
    ['c++', tree.filter((path) => path !== 'c++')],
    ['b\\[1\\].txt', tree.filter((path) => path !== 'b[1].txt')],
    ['[a-b].go', tree.filter((path) => path !== 'a.go')],
    ['[^a].go', tree],
    ['\\#h', tree.filter((path) => path !== '#h')],
    ['readme.MD', tree],
    ['\ufefftemp\r\ntempa\r\n', tree.filter((path) => path !== 'temp' && path !== 'tempa')],
    ['../temp\n..', tree],
  ])('%j', (patterns, expected) => {
    expect(keep(patterns, tree)).toEqual(expected);
  });

  test.each([
    ['a\n[z', 2],
    ['!', 1],
    ['a\\', 1],
    ['[z-a]', 1],
  ])('%j is refused with its line', (patterns, line) => {
    expect(() => parseDockerignore(patterns, '.dockerignore')).toThrowError(
      expect.objectContaining({ code: 'COGPLAN_IGNORE_FILE_INVALID', where: expect.objectContaining({ line }) }),
    );
  });
});

describe('the source tree', () => {
  test('is sorted byte-wise with parents first, and leaves out what is not the project', async () => {
    await create([
      'a/b',
      'a.b',
      'a-b',
      'B',
      'é',
      '.git/config',
      'sub/.git',
      '.cogplan/x',
      '.cog/x',
      'cogplan.lock',
      'sub/cogplan.lock',
    ]);
    await mkdir(join(directory, 'empty'));
    const entries = await listSourceTree(directory);
    expect(entries.map((entry) => entry.path)).toEqual([
      'B',
      'a',
      'a-b',
      'a.b',
      'a/b',
      'empty',
      'sub',
      'sub/cogplan.lock',
      'é',
    ]);
  });

  test('takes back what a negative pattern names, with its parents and nothing else', async () => {
    await create([
      'data/deep/keep.txt',
      'data/deep/drop.txt',
      'data/other/x',
      'node_modules/a/b',
      'predict.py',
      '.dockerignore',
    ]);
    await writeFile(join(directory, '.dockerignore'), 'data\nnode_modules\n!data/deep/keep.txt\n');
    const entries = await listSourceTree(directory);
    expect(entries.map((entry) => entry.path)).toEqual([
      '.dockerignore',
      'data',
      'data/deep',
      'data/deep/keep.txt',
      'predict.py',
    ]);
  });

  test('has normal modes, whatever the files have', async () => {
    await create(['run', 'text', 'd/f']);
    await chmod(join(directory, 'run'), 0o700);
    await chmod(join(directory, 'text'), 0o664);
    await chmod(join(directory, 'd'), 0o700);
    await symlink('text', join(directory, 'link'));
    const modes = (await listSourceTree(directory)).map((entry) => [entry.path, entry.type, entry.mode.toString(8)]);
    expect(modes).toEqual([
      ['d', 'directory', '755'],
      ['d/f', 'file', '644'],
      ['link', 'symlink', '777'],
      ['run', 'file', '755'],
      ['text', 'file', '644'],
    ]);
  });

  test.each([['/etc/passwd'], ['..'], ['../x'], ['sub/../../x']])('refuses a link to %s', async (target) => {
    await symlink(target, join(directory, 'link'));
    await expect(listSourceTree(directory)).rejects.toMatchObject({
      code: 'COGPLAN_SOURCE_LINK_ESCAPES',
      subject: 'link',
    });
    await writeFile(join(directory, '.dockerignore'), 'link');
    expect((await listSourceTree(directory)).map((entry) => entry.path)).toEqual(['.dockerignore']);
  });

  test('keeps a link inside, to anything', async () => {
    await create(['d/f']);
    await symlink('../d/missing', join(directory, 'd', 'l'));
    expect((await listSourceTree(directory)).find((entry) => entry.path === 'd/l')).toMatchObject({
      target: '../d/missing',
    });
  });

  test('refuses a pipe and a name that is not UTF-8', async () => {
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    await expect(listSourceTree(directory)).rejects.toMatchObject({
      code: 'COGPLAN_SOURCE_FILE_KIND',
      subject: 'pipe',
    });
    await rm(join(directory, 'pipe'));
    await writeFile(Buffer.concat([Buffer.from(`${directory}/a`), Buffer.from([0xff])]), '');
    await expect(listSourceTree(directory)).rejects.toMatchObject({ code: 'COGPLAN_SOURCE_NAME' });
  });
});

describe('the tree digest', () => {
  const digest = async (): Promise<string> => sourceTreeDigest(await listSourceTree(directory));

  test('follows content, path, mode and link target, and nothing else', async () => {
    await create(['a', 'd/b']);
    const seen = [await digest()];
    await writeFile(join(directory, 'a'), 'A');
    seen.push(await digest());
    await chmod(join(directory, 'a'), 0o755);
    seen.push(await digest());
    await symlink('a', join(directory, 'l'));
    seen.push(await digest());
    await rm(join(directory, 'l'));
    await symlink('d', join(directory, 'l'));
    seen.push(await digest());
    expect(new Set(seen).size).toBe(5);
    await chmod(join(directory, 'a'), 0o711);
    await writeFile(join(directory, 'a'), 'A');
    expect(await digest()).toBe(seen.at(-1));
  });

  test('refuses a file that is no longer what was listed', async () => {
    await create(['a']);
    await writeFile(join(directory, 'big'), Buffer.alloc(2_000_000));
    const entries = await listSourceTree(directory);
    for (const path of ['a', 'big']) {
      const before = entries.find((entry) => entry.path === path)!;
      await writeFile(join(directory, path), 'longer than it was');
      await expect(sourceTreeDigest([before])).rejects.toMatchObject({ code: 'COGPLAN_SOURCE_CHANGED', subject: path });
    }
    await rm(join(directory, 'a'));
    await expect(sourceTreeDigest(entries)).rejects.toMatchObject({ code: 'COGPLAN_SOURCE_CHANGED' });
  });
});

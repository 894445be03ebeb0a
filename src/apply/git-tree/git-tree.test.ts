import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { type GitServer, git, startGitServer } from '../../../test/servers/git-server.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { sha256 } from '../../digest.ts';
import { readTarBuffer } from '../../formats/archive/tar-reader.ts';
import { fetchGitTree, type GitTreeRequest, refetchGitTree } from './git-tree.ts';

const HELD = 'what LFS holds';
let context: TestContext;
let server: GitServer;
let lfs: HttpTestServer;
let commit = '';

beforeAll(async () => {
  lfs = await startHttpServer();
  const base = await aContext();
  const root = join(base.store.root, 'git');
  server = await startGitServer(root);
  context = {
    ...base,
    env: { PATH: process.env.PATH ?? '', COGPLAN_MIRRORS: '' },
    http: {
      ...base.http,
      // git-http-backend knows nothing of LFS, which has a server of its own.
      send: (url, options) => base.http.send(url.replace(server.url, lfs.url), options),
    },
  };
  const repository = async (name: string) => {
    const path = join(root, name);
    mkdirSync(path, { recursive: true });
    await git(path, 'init', '-q');
    return path;
  };
  const part = await repository('part.git');
  writeFileSync(join(part, 'part.txt'), 'part');
  await git(part, 'add', '.');
  await git(part, 'commit', '-qm', 'one');
  const main = await repository('demo.git');
  writeFileSync(join(main, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(main, 'build'), 'a file that has the name of a folder of results');
  symlinkSync('/etc/os-release', join(main, 'link'));
  writeFileSync(
    join(main, 'held.bin'),
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(HELD)}\nsize ${HELD.length}\n`,
  );
  await git(main, 'submodule', '--quiet', 'add', `${server.url}/part.git`, 'vendor');
  await git(main, 'add', '.');
  await git(main, 'commit', '-qm', 'one');
  commit = (await git(main, 'rev-parse', 'HEAD')).trim();
  const href = `${lfs.url}/object`;
  lfs.answer('/demo.git/info/lfs/objects/batch', {
    body: JSON.stringify({ objects: [{ oid: sha256(HELD), size: HELD.length, actions: { download: { href } } }] }),
  });
  lfs.answer('/object', { body: HELD });
});
afterAll(async () => {
  await server.close();
  await lfs.close();
  context.dispose();
});

const fetchTree = async (more: Partial<GitTreeRequest> = {}) => {
  const fetched = await fetchGitTree(context, { url: `${server.url}/demo`, ...more });
  const tar = readFileSync(context.store.blobPath(fetched.file.sha256));
  const members = readTarBuffer(tar, 'tree');
  const text = (path: string) => {
    const member = members.find((item) => item.path === path);
    return member && tar.subarray(member.offset, member.offset + member.size).toString();
  };
  return { ...fetched, members, text };
};

it('is the tree of a commit, with modes and links, without submodules and the repository itself', async () => {
  const { git: tree, file, members, text } = await fetchTree({ url: `${server.url}/demo.git` });
  expect(tree).toMatchObject({ commit, tree: expect.stringMatching(/^[0-9a-f]{40}$/) });
  expect(file.url).toBe(`git+${server.url}/demo.git@${commit}`);
  expect(members.map(({ path, type, mode }) => `${path} ${type} ${mode.toString(8)}`)).toEqual([
    '.gitmodules file 644',
    'build file 644',
    'held.bin file 644',
    'link symlink 777',
    'run.sh file 755',
    'vendor directory 755',
  ]);
  expect(text('held.bin')).toBe(HELD);
});

it('has submodules and pointers when asked', async () => {
  const { text } = await fetchTree({ url: `${server.url}/demo.git`, submodules: true, lfs: false });
  expect(text('vendor/part.txt')).toBe('part');
  expect(text('held.bin')).toContain('oid sha256:');
});

it('has the same bytes again, and is refused when it has not', async () => {
  const { git: tree, file } = await fetchTree({ url: `${server.url}/demo.git` });
  await refetchGitTree(context, tree, { file, what: 'the tree' });
  const other = { ...file, sha256: sha256('other') };
  const failure = await refetchGitTree(context, tree, { file: other, what: 'the tree' }).catch(
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
  expect(String(failure)).toContain(file.sha256);
  expect(String(failure)).toContain(other.sha256);
});

it('refuses an LFS object that is not the one that git names', async () => {
  const fresh = await aContext({ PATH: process.env.PATH ?? '' });
  lfs.answer('/object', { body: HELD.toUpperCase() });
  const failing = { ...fresh, http: { ...fresh.http, send: context.http.send } };
  const failure = await fetchGitTree(failing, { url: `${server.url}/demo.git` }).catch((error: unknown) => error);
  fresh.dispose();
  lfs.answer('/object', { body: HELD });
  expect(failure).toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
  expect(String(failure)).toContain(sha256(HELD));
});

it('says which ref there is not', async () => {
  await expect(fetchTree({ url: `${server.url}/demo.git`, ref: 'nowhere' })).rejects.toMatchObject({
    code: 'COGPLAN_GIT_FAILED',
  });
});

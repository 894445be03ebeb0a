import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { type GitServer, git, startGitServer } from '../../../test/servers/git-server.ts';
import { checkoutCommit } from './checkout.ts';

let context: TestContext;
let server: GitServer;
const commits: string[] = [];
let count = 0;

beforeAll(async () => {
  context = await aContext({ PATH: process.env.PATH ?? '' });
  const root = join(context.store.root, 'git');
  const repository = async (name: string, file: string) => {
    const path = join(root, name);
    mkdirSync(path, { recursive: true });
    await git(path, 'init', '-q');
    writeFileSync(join(path, file), 'one');
    await git(path, 'add', '.');
    await git(path, 'commit', '-qm', 'one');
    return path;
  };
  server = await startGitServer(root);
  await repository('part', 'part.txt');
  const main = await repository('demo', 'demo.txt');
  await git(main, 'tag', 'v1.0');
  writeFileSync(join(main, 'demo.txt'), 'two');
  await git(main, 'submodule', '--quiet', 'add', `${server.url}/part`, 'vendor');
  await git(main, 'commit', '-qam', 'two');
  await git(main, 'branch', 'feature/x', 'HEAD~1');
  for (const ref of ['HEAD~1', 'HEAD']) commits.push((await git(main, 'rev-parse', ref)).trim());
});
afterAll(async () => {
  await server.close();
  context.dispose();
});

const checkout = async (ref?: string, url = `${server.url}/demo`) => {
  const directory = join(context.store.root, `checkout-${count++}`);
  const result = await checkoutCommit(context, { url, ...(ref === undefined ? {} : { ref }) }, directory);
  return { ...result, directory };
};

it('checks out what HEAD is, with its submodules, and tells the nearest tag', async () => {
  const { commit, description, directory } = await checkout();
  expect(commit).toBe(commits[1]);
  expect(description).toBe(`v1.0-1-g${commits[1]?.slice(0, 7)}`);
  expect(readFileSync(join(directory, 'demo.txt'), 'utf8')).toBe('two');
  expect(readFileSync(join(directory, 'vendor/part.txt'), 'utf8')).toBe('one');
});

it.each([
  ['a tag', () => 'v1.0'],
  ['a branch', () => 'feature/x'],
  ['a commit', () => commits[0] ?? ''],
  ['a short commit', () => (commits[0] ?? '').slice(0, 8)],
])('checks out %s', async (_name, ref) => {
  const { commit, directory } = await checkout(ref());
  expect(commit).toBe(commits[0]);
  expect(existsSync(join(directory, 'vendor'))).toBe(false);
});

it.each<[string, string | undefined, (() => string) | undefined]>([
  ['a ref that is not there', 'v9', undefined],
  ['a ref that would be an option', '--upload-pack=touch', undefined],
  ['a repository that is not there', undefined, () => `${server.url}/gone`],
  ['a local repository', undefined, () => 'file:///etc'],
  ['a helper', undefined, () => 'ext::sh -c true'],
])('refuses %s', async (_name, ref, url) => {
  await expect(checkout(ref, url?.())).rejects.toMatchObject({ code: 'COGPLAN_GIT_FAILED' });
});

it('a host that cannot be reached is no matter of the ref', async () => {
  await expect(checkout(undefined, 'http://127.0.0.1:9/repository.git')).rejects.toMatchObject({
    code: 'COGPLAN_GIT_FAILED',
    hint: expect.stringContaining('network connection'),
  });
});

it('needs the network', async () => {
  const directory = join(context.store.root, 'offline');
  await expect(checkoutCommit(context.offline(), { url: server.url }, directory)).rejects.toMatchObject({
    code: 'COGPLAN_OFFLINE',
  });
});

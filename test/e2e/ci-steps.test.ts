import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { CLI, copyExample, inDirectory, ROOT, readLock, SHARED_STORE } from './cogplan.ts';

/** The shell block below a heading of docs/ci.md, as a reader would copy it. */
function documented(heading: string): string {
  const text = readFileSync(join(ROOT, 'docs/ci.md'), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(heading));
  const block = /```sh\n([\s\S]*?)```/.exec(section ?? '')?.[1];
  if (block === undefined) throw new Error(`docs/ci.md has no shell block below "${heading}"`);
  return block;
}

interface Repository {
  readonly project: string;
  readonly git: (...args: string[]) => string;
  /** Runs a documented block as a CI job would: in the project, with a `gh` that writes down what it is asked. */
  readonly job: (heading: string, env?: Record<string, string>) => Promise<{ status: number; output: string }>;
  readonly asked: () => string;
}

/** An example in a clone of a bare repository, its branch `main` pushed. */
async function withRepository(example: string, work: (repository: Repository) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const project = copyExample(example, directory);
    const [bin, log] = [join(directory, 'bin'), join(directory, 'gh.log')];
    mkdirSync(bin);
    writeFileSync(log, '');
    script(join(bin, 'cogplan'), `exec ${process.execPath} ${CLI} "$@"`);
    script(
      join(bin, 'gh'),
      `echo "$@" >> ${log}; while [ $# -gt 0 ]; do [ "$1" = --body-file ] && cat "$2" >> ${log}; shift; done`,
    );
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: project, encoding: 'utf8', env: { ...process.env, ...IDENTITY } });
    git('init', '-q', '-b', 'main');
    git('init', '-q', '--bare', join(directory, 'origin.git'));
    git('remote', 'add', 'origin', join(directory, 'origin.git'));
    git('add', '.');
    git('commit', '-q', '-m', 'first');
    git('push', '-q', '-u', 'origin', 'main');
    await work({
      project,
      git,
      job: async (heading, env = {}) => {
        const result = await execa('bash', ['-eu', '-c', documented(heading)], {
          cwd: project,
          env: { ...IDENTITY, COGPLAN_STORE: SHARED_STORE, PATH: `${bin}:${process.env.PATH}`, CI: 'true', ...env },
          reject: false,
          all: true,
        });
        return { status: result.exitCode ?? 128, output: result.all };
      },
      asked: () => readFileSync(log, 'utf8'),
    });
  });
}

const IDENTITY = {
  GIT_AUTHOR_NAME: 'ci',
  GIT_AUTHOR_EMAIL: 'ci@example.test',
  GIT_COMMITTER_NAME: 'ci',
  GIT_COMMITTER_EMAIL: 'ci@example.test',
};

function script(path: string, body: string): void {
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

/** Asks for one thing more, which needs no resolving. */
function askForMore(project: string): void {
  const file = join(project, 'cog.yaml');
  writeFileSync(file, `${readFileSync(file, 'utf8')}\nenvironment:\n  - MODE=fast\n`);
}

describe('the jobs of docs/ci.md', () => {
  it('fail when the lock is stale, and only then', async () => {
    await withRepository('hello-world', async ({ project, job }) => {
      expect((await job('Fail when the lock is stale')).status).toBe(0);
      askForMore(project);
      const { status, output } = await job('Fail when the lock is stale');
      expect([status, output]).toEqual([2, expect.stringContaining('environment')]);
    });
  });

  it('comment on a pull request what it changes', async () => {
    await withRepository('hello-world', async ({ project, git, job, asked }) => {
      git('switch', '-q', '-c', 'topic');
      askForMore(project);
      execFileSync(process.execPath, [CLI, 'lock', '--yes'], { cwd: project, stdio: 'pipe' });
      git('commit', '-q', '-am', 'more');
      const { status, output } = await job('Comment the plan', { GITHUB_BASE_REF: 'main', PR_NUMBER: '7' });
      expect([status, output]).toEqual([0, expect.any(String)]);
      expect(asked()).toContain('pr comment 7 --body-file plan.md');
      expect(asked()).toMatch(/### cogplan: .*to add[\s\S]*env MODE/);
    });
  });

  it('open a pull request for what a scheduled plan finds, built and sealed; and nothing when it finds nothing', async () => {
    await withRepository('hello-world', async ({ project, git, job, asked }) => {
      askForMore(project);
      git('commit', '-q', '-am', 'more');
      const { status, output } = await job('A scheduled upgrade');
      expect([status, output]).toEqual([0, expect.any(String)]);
      expect(asked()).toContain('pr create --title Upgrade locked packages --body-file plan.md');
      expect(git('log', '--format=%s', 'origin/upgrade', '-1').trim()).toBe('Upgrade locked packages');
      const { image, seals } = readLock(project).targets['linux/amd64'] ?? {};
      expect(image?.env).toContain('MODE=fast');
      expect(seals?.length).toBeGreaterThan(3);
      const again = await job('A scheduled upgrade');
      expect([again.status, again.output]).toEqual([0, expect.stringContaining('Nothing newer.')]);
    });
  });

  it('keep something back', async () => {
    await withRepository('ocr', async ({ project, job }) => {
      expect((await job('Keep something back')).status).toBe(0);
      expect(readLock(project).holds).toMatchObject([{ subject: 'python/numpy', until: '2027-01-31' }]);
    });
  });
});

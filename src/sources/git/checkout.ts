import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import type { Context } from '../../context.ts';
import { CogplanError, type Where, withoutUserInfo } from '../../errors.ts';
import { UNREACHABLE_HINT } from '../http/http-errors.ts';
import { parseMirrors } from '../http/mirrors.ts';

export interface CheckoutRequest {
  /** `https://…`; may hold credentials. */
  readonly url: string;
  /** Branch, tag, or commit, possibly shortened; default: what the repository's HEAD is. */
  readonly ref?: string;
  readonly where?: Where;
}

export interface Checkout {
  /** Full hash of the commit. */
  readonly commit: string;
  /** `git describe --tags --long`, when a tag is reached by the commit. */
  readonly description?: string;
}

const MAX_OUTPUT = 8 * 1024 * 1024;
const PASSED_ON = ['HOME', 'PATH', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'ALL_PROXY', 'SSH_AUTH_SOCK'];

/**
 * Checks a commit of a repository out into `directory`, with its submodules, by the git of this machine and without anything of the user's or the machine's git configuration; hooks and
 * filters do not run. COGPLAN_GIT_FAILED: git is missing, the repository or the ref cannot be had; COGPLAN_OFFLINE.
 */
export async function checkoutCommit(context: Context, request: CheckoutRequest, directory: string): Promise<Checkout> {
  const { url, ref } = request;
  const shown = withoutUserInfo(url);
  if (context.http.offline) {
    throw new CogplanError('COGPLAN_OFFLINE', `fetching ${shown} needs the network`, {
      subject: shown,
      where: request.where,
      hint: 'Run the command again without --offline.',
    });
  }
  if (ref?.startsWith('-') === true || !/^(?:https?|ssh|git):\/\//.test(url)) {
    throw failed(request, `${shown}${ref === undefined ? '' : `@${ref}`} is no URL and ref of a repository`);
  }
  await mkdir(directory, { recursive: true });
  const git = (...args: readonly string[]): Promise<string> => runGit(context, request, directory, args);
  await git('init', '--quiet', '--initial-branch=cogplan');
  await git('remote', 'add', 'origin', url);
  await git('fetch', '--quiet', '--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*', '+HEAD:refs/cogplan/head');
  const commit = await findCommit(git, request);
  await git('checkout', '--quiet', '--detach', commit);
  await git('submodule', '--quiet', 'update', '--init', '--recursive');
  const description = await git('describe', '--tags', '--long', 'HEAD').catch(() => '');
  return { commit, ...(description === '' ? {} : { description: description.trim() }) };
}

async function findCommit(
  git: (...args: readonly string[]) => Promise<string>,
  request: CheckoutRequest,
): Promise<string> {
  const { ref } = request;
  const names =
    ref === undefined
      ? ['refs/cogplan/head']
      : [`refs/tags/${ref}`, `refs/remotes/origin/${ref.replace(/^(?:refs\/heads\/|origin\/)/, '')}`, ref];
  for (const name of names) {
    const found = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`).catch(() => '');
    if (/^[0-9a-f]{40}$/.test(found.trim())) return found.trim();
  }
  if (ref !== undefined && (/^[0-9a-f]{40}$/.test(ref) || ref.startsWith('refs/'))) {
    await git('fetch', '--quiet', 'origin', ref);
    return (await git('rev-parse', '--verify', 'FETCH_HEAD^{commit}')).trim();
  }
  throw failed(request, `${withoutUserInfo(request.url)} has no branch, tag or commit ${ref ?? 'HEAD'}`);
}

/** What git, curl and ssh say when there is no way to the host. */
const UNREACHED =
  /Could not resolve (?:host|proxy)|Failed to connect|Couldn't connect|Connection (?:refused|timed out|reset)|Network is unreachable|No route to host|Temporary failure in name resolution/i;

function runGit(context: Context, request: CheckoutRequest, cwd: string, args: readonly string[]): Promise<string> {
  const options = { cwd, env: environment(context), signal: context.signal, maxBuffer: MAX_OUTPUT };
  return new Promise((resolve, reject) => {
    execFile('git', [...configuration(context), ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (context.signal.aborted)
        reject(new CogplanError('COGPLAN_INTERRUPTED', 'interrupted while fetching a repository', { cause: error }));
      else if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        reject(
          failed(
            request,
            'there is no git on PATH',
            'Install git, or name a release of the package instead of its repository.',
          ),
        );
      } else {
        const said = withoutUserInfo(stderr.trim().split('\n').slice(-3).join(' '));
        const hint = UNREACHED.test(stderr) ? UNREACHABLE_HINT : undefined;
        reject(failed(request, `git ${args[0]} of ${withoutUserInfo(request.url)} failed: ${said}`, hint));
      }
    });
  });
}

function environment({ env }: Context): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of PASSED_ON.flatMap((item) => [item, item.toLowerCase()])) {
    const value = env[name];
    if (value !== undefined) passed[name] = value;
  }
  const authorities = env.SSL_CERT_FILE ?? env.NODE_EXTRA_CA_CERTS;
  return {
    ...passed,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    ...(authorities === undefined ? {} : { GIT_SSL_CAINFO: authorities }),
  };
}

function configuration({ env }: Context): readonly string[] {
  const settings = [
    'core.hooksPath=/dev/null',
    'core.autocrlf=false',
    'core.symlinks=true',
    'core.fsmonitor=false',
    'protocol.allow=never',
    'protocol.https.allow=always',
    'protocol.http.allow=always',
    'protocol.ssh.allow=always',
    'protocol.git.allow=always',
    'advice.detachedHead=false',
    ...parseMirrors(env.COGPLAN_MIRRORS).map(({ from, to }) => `url.${to}.insteadOf=${from}`),
  ];
  return settings.flatMap((setting) => ['-c', setting]);
}

function failed(request: CheckoutRequest, message: string, hint?: string): CogplanError {
  return new CogplanError('COGPLAN_GIT_FAILED', message, {
    subject: withoutUserInfo(request.url),
    where: request.where,
    hint: hint ?? 'Check the URL and the branch, tag or commit after the @. Credentials are taken from ~/.netrc.',
  });
}

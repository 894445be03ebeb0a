import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import type { Tool } from '../../lock/schema.generated.ts';
import { type BubblewrapProgram, bubblewrap } from './bubblewrap.ts';
import { explainUnavailable } from './explain-unavailable.ts';
import { lockedBubblewrap } from './locked-bubblewrap.ts';
import type { Sandbox } from './sandbox.ts';

export interface SandboxOptions {
  /** The lock's tools: bubblewrap's own package and what it needs, for machines that lack it. */
  readonly tools: readonly Tool[];
  /** Default: bubblewrap. */
  readonly kind?: Sandbox['kind'] | undefined;
}

/**
 * A sandbox that was tried and works: the host's `bwrap`, else the locked one, fetched and unpacked into the store; or the Docker Engine's. Fails with
 * COGPLAN_SANDBOX_UNAVAILABLE, naming the kernel setting that forbids it where one does.
 */
export async function openSandbox(context: Context, options: SandboxOptions): Promise<Sandbox> {
  if (options.kind === 'docker') return (await import('./docker.ts')).openDockerSandbox(context);
  if (process.platform !== 'linux') {
    throw unavailable(`bubblewrap needs Linux, and this is ${process.platform}`, [], 'Take --sandbox docker.');
  }
  const problems: string[] = [];
  const onHost = findOnPath('bwrap', context.env.PATH);
  if (onHost !== undefined) {
    const problem = await tryProgram({ argv: [onHost], name: onHost });
    if (typeof problem !== 'string') return problem;
    problems.push(problem);
  }
  const locked = await lockedBubblewrap(context, options.tools);
  if (locked !== undefined) {
    const problem = await tryProgram(locked);
    if (typeof problem !== 'string') return problem;
    problems.push(problem);
  }
  if (problems.length === 0) {
    const host = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;
    throw unavailable(
      `there is no bwrap on PATH, and the lock has none for ${host}`,
      problems,
      'Install the package bubblewrap, or take --sandbox docker.',
    );
  }
  const { cause, remedy } = explainUnavailable();
  throw unavailable(cause, problems, `${remedy}. Or take --sandbox docker.`);
}

function findOnPath(name: string, path: string | undefined): string | undefined {
  return (path ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The sandbox if it can run a shell of the host's own root, otherwise what went wrong. */
async function tryProgram(program: BubblewrapProgram): Promise<Sandbox | string> {
  const sandbox = bubblewrap(program);
  try {
    const trial = await sandbox.start({
      root: '/',
      argv: ['/bin/sh', '-c', ':'],
      env: {},
      cwd: '/',
      binds: [],
      tmpfs: [],
      network: 'none',
    });
    trial.stdin.end();
    trial.stdout.resume();
    trial.stderr.resume();
    const code = await trial.exited;
    return code === 0 ? sandbox : `${program.name}: the trial ended with code ${code}`;
  } catch (error) {
    return `${program.name}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function unavailable(cause: string, problems: readonly string[], hint: string): CogplanError {
  return new CogplanError('COGPLAN_SANDBOX_UNAVAILABLE', `no sandbox can be made here: ${cause}`, {
    hint,
    data: { tried: problems },
  });
}

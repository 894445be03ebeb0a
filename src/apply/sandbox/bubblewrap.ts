import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { bug, CogplanError } from '../../errors.ts';
import { ARGUMENTS_FD, bubblewrapArguments, encodeArguments } from './bubblewrap-arguments.ts';
import { ensureMountPoints } from './mount-points.ts';
import type { Sandbox, SandboxProcess, SandboxRequest } from './sandbox.ts';

/** How bubblewrap is started: the program and what stands before its own arguments, such as its loader's. */
export interface BubblewrapProgram {
  readonly argv: readonly [string, ...string[]];
  /** For messages: `/usr/bin/bwrap`, or the locked package. */
  readonly name: string;
}

const ERROR_HEAD = 4096;

/**
 * A sandbox of Linux namespaces: user 0 inside is the caller outside, no capabilities, own processes, mounts, host name and (unless
 * asked otherwise) network. Everything in it ends with this process, however this process ends.
 */
export function bubblewrap(program: BubblewrapProgram): Sandbox {
  return { kind: 'bubblewrap', start: (request) => start(program, request) };
}

async function start(program: BubblewrapProgram, request: SandboxRequest): Promise<SandboxProcess> {
  request.signal?.throwIfAborted();
  ensureMountPoints(request);
  const options = encodeArguments(bubblewrapArguments(request));
  const [file, ...before] = withLimits(program.argv, request.limits);
  const child = spawn(file, [...before, '--args', String(ARGUMENTS_FD), '--', ...request.argv], {
    cwd: '/',
    env: {},
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw failure(program, request, error instanceof Error ? error.message : String(error));
  }
  const [stdin, stdout, rawStderr, status, channel] = child.stdio as unknown as Pipes;
  // A command that ends early breaks these pipes; its exit code tells more than EPIPE would.
  for (const stream of [stdin, channel]) stream.on('error', () => {});
  channel.end(options);

  const { stderr, head } = tapped(rawStderr);
  const facts = readStatus(status);
  let killed = false;
  const kill = (signal: NodeJS.Signals): void => {
    killed ||= signal === 'SIGKILL';
    deliver(child, facts.childPid, signal, request.init === true);
  };
  const onAbort = () => kill('SIGKILL');
  request.signal?.addEventListener('abort', onAbort, { once: true });
  if (request.signal?.aborted === true) onAbort();

  const exited = Promise.all([once(child, 'exit'), facts.ended]).then(([[code, signal]]) => {
    request.signal?.removeEventListener('abort', onAbort);
    const result = exitCode(code as number | null, signal as NodeJS.Signals | null);
    if (facts.ran || killed || signal !== null) return result;
    throw failure(program, request, head().trim() || `it ended with code ${result}`);
  });
  // Whoever ignores the outcome must not be ended by it.
  exited.catch(() => {});
  if (child.pid === undefined) throw bug('a started process has no id');
  return { pid: child.pid, stdin, stdout, stderr, exited, kill };
}

type Pipes = readonly [stdin: Writable, stdout: Readable, stderr: Readable, status: Readable, channel: Writable];

/** A shell sets the limits before bubblewrap starts. Of the two spellings of `-u`, dash knows the second only. */
function withLimits(argv: BubblewrapProgram['argv'], limits: SandboxRequest['limits']): readonly [string, ...string[]] {
  const settings = [
    ...(limits?.openFiles === undefined ? [] : [`ulimit -n ${limits.openFiles}`]),
    ...(limits?.processes === undefined
      ? []
      : [`{ ulimit -u ${limits.processes} 2>/dev/null || ulimit -p ${limits.processes}; }`]),
  ];
  if (settings.length === 0) return argv;
  return ['/bin/sh', '-c', `${settings.join(' && ')} && exec "$@"`, 'sh', ...argv];
}

/** The same stream, and its first bytes for a message. */
function tapped(stream: Readable): { readonly stderr: Readable; head(): string } {
  const parts: Buffer[] = [];
  let length = 0;
  stream.on('data', (part: Buffer) => {
    if (length >= ERROR_HEAD) return;
    parts.push(part);
    length += part.length;
  });
  const stderr = new PassThrough();
  stream.pipe(stderr);
  return { stderr, head: () => Buffer.concat(parts).toString('utf8').slice(0, ERROR_HEAD) };
}

interface StatusFacts {
  /** Process 1 of the sandbox, as the host numbers it. */
  childPid: number | undefined;
  /** The command was started: bubblewrap reports an exit code only then. */
  ran: boolean;
  readonly ended: Promise<void>;
}

function readStatus(stream: Readable): StatusFacts {
  let text = '';
  const facts: StatusFacts = {
    childPid: undefined,
    ran: false,
    ended: new Promise((resolve) => {
      stream.on('close', resolve);
      stream.on('error', resolve);
    }),
  };
  stream.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    const pid = /"child-pid"\s*:\s*(\d+)/.exec(text)?.[1];
    if (pid !== undefined) facts.childPid = Number(pid);
    facts.ran ||= text.includes('"exit-code"');
  });
  return facts;
}

/**
 * Ending process 1 ends its namespace at once. Any other signal has to reach the command itself, which is process 1 or the first child of the
 * reaper; before it exists there is nothing to be gentle with.
 */
function deliver(child: ChildProcess, first: number | undefined, signal: NodeJS.Signals, init: boolean): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const command = first === undefined || init ? first : firstChildOf(first);
  if (signal === 'SIGKILL' || command === undefined) {
    if (first !== undefined) send(first, 'SIGKILL');
    child.kill('SIGKILL');
    return;
  }
  send(command, signal);
}

function firstChildOf(pid: number): number | undefined {
  try {
    const found = /^\d+/.exec(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1'))?.[0];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself in the meantime.
  }
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

function failure(program: BubblewrapProgram, request: SandboxRequest, problem: string): CogplanError {
  return new CogplanError(
    'COGPLAN_SANDBOX_FAILED',
    `${request.argv[0]} could not be started in the sandbox: ${problem}`,
    {
      subject: request.argv[0],
      hint: `The sandbox was set up by ${program.name}.`,
      data: { root: request.root },
    },
  );
}

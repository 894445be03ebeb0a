/**
 * Runs the host's `xz` through a shell that was started early and stays. Starting a program from a process that has grown copies
 * its page tables, which costs more than most packages take to decompress; the shell stays small.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export interface XzJob {
  /** Decompressed is the first stream at `offset`; what follows it is left alone. */
  readonly input: string;
  readonly offset: number;
  /** A file that is there, and is overwritten. */
  readonly output: string;
  /** The output cannot grow much further: a bomb is held back. */
  readonly maxBytes: number;
}

/** POSIX counts the limit of `ulimit -f` in blocks of 512 bytes. */
const LOOP = `while IFS= read -r path && IFS= read -r input && IFS= read -r output && read -r from blocks; do
  PATH=$path
  (ulimit -f "$blocks" && tail -c "+$from" -- "$input" | xz -dc --single-stream --no-sparse >"$output") 2>/dev/null
  echo "$?"
done`;
const BLOCK = 512;

type Shell = ChildProcessByStdio<Writable, Readable, null>;

const idle: Shell[] = [];

/** The exit code of `xz`, or of the shell when it cannot run one; -1 when there is no shell, or a name that it cannot be told. */
export async function runXz({ input, offset, output, maxBytes }: XzJob): Promise<number> {
  const path = process.env.PATH ?? '/usr/bin:/bin';
  if ([path, input, output].some((text) => text.includes('\n') || text === '')) return -1;
  const shell = takeIdle() ?? start();
  const blocks = Math.ceil(maxBytes / BLOCK) + 1;
  const code = await ask(shell, `${path}\n${input}\n${output}\n${offset + 1} ${blocks}\n`);
  if (code !== undefined) giveBack(shell);
  return code ?? -1;
}

function start(): Shell {
  // XZ_OPT, XZ_DEFAULTS and the locale stay outside.
  const shell = spawn('/bin/sh', ['-c', LOOP], { stdio: ['pipe', 'pipe', 'ignore'], env: { LC_ALL: 'C' } });
  shell.stdin.on('error', () => {});
  return shell;
}

/** The shell's answer to one request; undefined when it has ended. */
function ask(shell: Shell, request: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const finish = (code: number | undefined): void => {
      shell.stdout.removeAllListeners('data');
      shell.removeAllListeners('close').removeAllListeners('error');
      resolve(code);
    };
    let answer = '';
    shell.stdout.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      if (answer.endsWith('\n')) finish(Number(answer));
    });
    shell.once('error', () => finish(undefined)).once('close', () => finish(undefined));
    shell.stdin.write(request);
  });
}

function takeIdle(): Shell | undefined {
  for (let shell = idle.pop(); shell !== undefined; shell = idle.pop()) {
    if (shell.exitCode !== null || shell.signalCode !== null) continue;
    for (const part of handlesOf(shell)) part.ref();
    return shell;
  }
  return undefined;
}

/** An idle shell keeps nothing alive; it ends when its input does. */
function giveBack(shell: Shell): void {
  for (const part of handlesOf(shell)) part.unref();
  shell.once('error', () => {});
  idle.push(shell);
}

interface Handle {
  ref(): unknown;
  unref(): unknown;
}

/** Pipes are sockets, which the types of a child process do not say. */
function handlesOf(shell: Shell): readonly Handle[] {
  return [shell, shell.stdin as unknown as Handle, shell.stdout as unknown as Handle];
}

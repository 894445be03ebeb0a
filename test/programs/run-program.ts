import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface RunningProgram {
  readonly child: ChildProcess;
  /** Resolves with the first line of output that equals `line`; fails when the program ends before. */
  said(line: string): Promise<void>;
  /** Exit code, or the signal's name, and all that was printed. */
  readonly ended: Promise<{ readonly exit: number | string; readonly stdout: string; readonly stderr: string }>;
}

export function runProgram(
  file: string,
  programArguments: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): RunningProgram {
  const child = spawn(process.execPath, [file, ...programArguments], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let stderr = '';
  let wake = (): void => {};
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    wake();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  let over = false;
  const ended = new Promise<{ exit: number | string; stdout: string; stderr: string }>((resolve) => {
    child.on('close', (code, signal) => {
      over = true;
      wake();
      resolve({ exit: code ?? signal ?? 'unknown', stdout: lines.join('\n'), stderr });
    });
  });
  return {
    child,
    ended,
    said: async (line) => {
      while (!lines.includes(line)) {
        if (over) throw new Error(`the program ended without saying "${line}": ${stderr}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A program in a real pseudo-terminal, and the screen that a person in front of it would see. */
export interface Terminal {
  /** The screen's lines, without trailing spaces. */
  screen(): readonly string[];
  /** Everything that the terminal shows, scrollback included. */
  text(): string;
  /** All bytes that the program wrote. */
  written(): string;
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  /** Waits until the screen fits; fails with the screen after ten seconds. */
  until(fits: (screen: string) => boolean | RegExpExecArray | null): Promise<string>;
  /** Which of the two screens is shown. */
  buffer(): 'normal' | 'alternate';
  /** Milliseconds from typing a key until the screen fits. */
  timed(keys: string, fits: (screen: string) => boolean): Promise<number>;
  readonly ended: Promise<number>;
  kill(signal: string): void;
}

const PATIENCE_MS = 300_000;

/** Runs a command of Node's in a terminal. `CI` and what else would change a program's mind is not passed on. */
export function openTerminal(args: readonly string[], options: TerminalOptions = {}): Terminal {
  const [cols, rows] = [options.columns ?? 100, options.rows ?? 24];
  const { CI, CONTINUOUS_INTEGRATION, NO_COLOR, FORCE_COLOR, VITEST, ...inherited } = process.env;
  const screen = new xterm.Terminal({ cols, rows, allowProposedApi: true });
  const child = spawn(process.execPath, [...args], {
    cols,
    rows,
    cwd: options.cwd ?? process.cwd(),
    env: { ...inherited, TERM: 'xterm-256color', LANG: 'C.UTF-8', ...options.env } as Record<string, string>,
  });
  let written = '';
  let waiting: (() => void)[] = [];
  const wake = (): void => {
    const all = waiting;
    waiting = [];
    for (const one of all) one();
  };
  child.onData((data) => {
    written += data;
    screen.write(data, wake);
  });
  let over = false;
  const ended = new Promise<number>((resolve) =>
    child.onExit(({ exitCode, signal }) => {
      over = true;
      screen.write('', () => {
        wake();
        resolve(signal === undefined || signal === 0 ? exitCode : 128 + signal);
      });
    }),
  );

  const lines = (from: number, to: number): string[] =>
    Array.from(
      { length: to - from },
      (_, index) => screen.buffer.active.getLine(from + index)?.translateToString(true) ?? '',
    );
  const visible = (): string[] => lines(screen.buffer.active.baseY, screen.buffer.active.baseY + screen.rows);
  const until = async (fits: (screen: string) => boolean | RegExpExecArray | null): Promise<string> => {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const now = visible().join('\n');
      if (fits(now)) return now;
      if (over || performance.now() > deadline) {
        throw new Error(`the screen never came, ${over ? 'and the program ended' : 'in time'}:\n${now}`);
      }
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        setTimeout(resolve, 100).unref();
      });
    }
  };
  return {
    screen: visible,
    text: () => lines(0, screen.buffer.active.length).join('\n'),
    written: () => written,
    type: (keys) => child.write(keys),
    resize: (columns, height) => {
      screen.resize(columns, height);
      child.resize(columns, height);
    },
    until,
    buffer: () => screen.buffer.active.type,
    timed: async (keys, fits) => {
      const started = performance.now();
      child.write(keys);
      await until(fits);
      return performance.now() - started;
    },
    ended,
    kill: (signal) => child.kill(signal),
  };
}

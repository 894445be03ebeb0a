import { render } from 'ink';
import { createElement } from 'react';
import { Review } from './components/review.ts';
import { openReview, type Resolve } from './open-review.ts';
import type { Outcome, ReviewState, Size } from './state/review-state.ts';

export interface FullScreenOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly colour: boolean;
  /** Ends the review as an interrupt would. */
  readonly signal: AbortSignal;
  readonly resolve: Resolve;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const ENTER = '\u001b[?1049h\u001b[2J\u001b[H';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const CLEAR = '\u001b[2J\u001b[H';
/** A key must be answered within 30 ms, so a frame may not wait that long for its turn. */
const FRAMES_PER_SECOND = 200;

/** Shows the review on the terminal's alternate screen until it has an outcome; leaves the terminal as it was. */
export async function fullScreenReview(initial: ReviewState, options: FullScreenOptions): Promise<Outcome> {
  const { stdout, stdin, colour, signal } = options;
  const review = openReview({ ...initial, size: sizeOf(stdout) }, options.resolve);
  const frame = () =>
    createElement(Review, {
      state: review.state(),
      colour,
      onKey: (key: string) => review.dispatch({ kind: 'key', key }),
    });
  const interrupt = (): void => review.dispatch({ kind: 'command', command: 'interrupt' });
  const resized = (): void => {
    stdout.write(CLEAR);
    review.dispatch({ kind: 'resize', size: sizeOf(stdout) });
  };
  const restore = (): void => void stdout.write(LEAVE);

  // Ink ends the process on a signal that nobody else listens to, and leaves the alternate screen on.
  for (const name of SIGNALS) process.on(name, interrupt);
  process.once('exit', restore);
  // Before the first frame: a Ctrl-C in between would be a signal, and its echo would stand in the frame.
  stdin.setRawMode(true);
  stdout.write(ENTER);
  stdout.prependListener('resize', resized);
  const app = render(frame(), {
    stdin,
    stdout: withoutHeight(stdout),
    exitOnCtrlC: false,
    patchConsole: false,
    maxFps: FRAMES_PER_SECOND,
  });
  try {
    return await new Promise<Outcome>((resolve, reject) => {
      review.onChange(() => {
        const { outcome } = review.state();
        if (outcome === undefined) app.rerender(frame());
        else resolve(outcome);
      });
      app.waitUntilExit().catch(reject);
      signal.addEventListener('abort', interrupt);
      if (signal.aborted) interrupt();
    });
  } finally {
    signal.removeEventListener('abort', interrupt);
    stdout.off('resize', resized);
    review.close();
    app.unmount();
    stdin.setRawMode(false);
    process.off('exit', restore);
    restore();
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}

function sizeOf({ columns, rows }: NodeJS.WriteStream): Size {
  return { columns: columns || 80, rows: rows || 24 };
}

/**
 * The stream as Ink may see it. A frame is always shorter than the screen; while a window shrinks, Ink would compare the last
 * frame with the new height and wipe the terminal's scrollback, which is not ours.
 */
function withoutHeight(stdout: NodeJS.WriteStream): NodeJS.WriteStream {
  const view = {
    isTTY: true,
    get columns() {
      return stdout.columns;
    },
    get writable() {
      return stdout.writable;
    },
    write: stdout.write.bind(stdout),
    on: stdout.on.bind(stdout),
    once: stdout.once.bind(stdout),
    off: stdout.off.bind(stdout),
    removeListener: stdout.removeListener.bind(stdout),
  };
  return view as unknown as NodeJS.WriteStream;
}

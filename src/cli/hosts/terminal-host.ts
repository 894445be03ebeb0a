import { createInterface } from 'node:readline/promises';
import type { WriteStream } from 'node:tty';
import pc from 'picocolors';
import type { EngineEvent, Host } from '../../events.ts';
import { formatAmount, formatSeconds } from './format.ts';

interface Open {
  readonly text: string;
  readonly unit: 'bytes' | 'items' | undefined;
  readonly started: number;
  done: number;
  total: number | undefined;
}

const FRAME_MS = 80;
const BAR_CELLS = 24;

/** Finished work as lines that stay, running work as bars below them, redrawn in place. */
export function terminalHost(stream: WriteStream, options: { readonly interactive: boolean }): Host {
  const open = new Map<number, Open>();
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;

  const erase = (): string => (drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`);
  const draw = (above = ''): void => {
    const width = stream.columns || 80;
    const bars = [...open.values()].slice(-Math.max(1, (stream.rows || 24) - 2)).map((span) => barLine(span, width));
    stream.write(`${erase()}${above}${bars.map((bar) => `${bar}\n`).join('')}`);
    drawn = bars.length;
  };
  const schedule = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      draw();
    }, FRAME_MS).unref();
  };
  const settle = (): void => {
    if (timer !== undefined) clearTimeout(timer);
    timer = undefined;
    draw();
  };

  const notify = (event: EngineEvent): void => {
    switch (event.kind) {
      case 'message':
        if (event.level === 'warn') draw(`${pc.yellow('warning:')} ${event.text}\n`);
        else if (event.level === 'info') draw(`${event.text}\n`);
        return;
      case 'span-start':
        open.set(event.id, {
          text: event.text,
          unit: event.unit,
          total: event.total,
          done: 0,
          started: performance.now(),
        });
        schedule();
        return;
      case 'span-progress': {
        const span = open.get(event.id);
        if (span === undefined) return;
        span.done = event.done;
        span.total = event.total ?? span.total;
        schedule();
        return;
      }
      case 'span-end': {
        const span = open.get(event.id);
        open.delete(event.id);
        if (span === undefined) return;
        const took = pc.dim(formatSeconds(performance.now() - span.started));
        draw(`${event.failed ? pc.red('✗') : pc.green('✓')} ${event.text ?? span.text} ${took}\n`);
        if (open.size === 0) settle();
      }
    }
  };

  return {
    notify,
    ask: async (question) => {
      if (!options.interactive) return question.fallback;
      settle();
      const lines = createInterface({ input: process.stdin, output: stream });
      try {
        const choices = question.choices
          .map((choice) => (choice === question.fallback ? choice.toUpperCase() : choice))
          .join('/');
        const answer = (await lines.question(`${question.text} [${choices}] `)).trim().toLowerCase();
        return question.choices.find((choice) => answer !== '' && choice.startsWith(answer)) ?? question.fallback;
      } finally {
        lines.close();
      }
    },
  };
}

function barLine(span: Open, width: number): string {
  const amount =
    span.total === undefined || span.total === 0
      ? ''
      : ` ${bar(span.done / span.total)} ${formatAmount(span.done, span.unit)}/${formatAmount(span.total, span.unit)}`;
  return `  ${span.text}${amount}`.slice(0, Math.max(10, width - 1));
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`;
}

import type { EngineEvent, Host } from '../../events.ts';
import { formatAmount } from './format.ts';

interface Open {
  readonly text: string;
  readonly unit: 'bytes' | 'items' | undefined;
  total: number | undefined;
  /** The last quarter that was told, so that a long download gives four lines and not four thousand. */
  quarter: number;
}

/** One line per event, for logs and pipes: no colour, no cursor movement. */
export function plainHost(stream: NodeJS.WritableStream, options: { readonly quiet: boolean }): Host {
  const open = new Map<number, Open>();
  const write = (text: string): void => void stream.write(`${text}\n`);

  const progress = (event: Extract<EngineEvent, { kind: 'span-progress' }>): void => {
    const span = open.get(event.id);
    if (span === undefined) return;
    span.total = event.total ?? span.total;
    if (span.total === undefined || span.total === 0) return;
    const quarter = Math.floor((4 * event.done) / span.total);
    if (quarter <= span.quarter || quarter >= 4) return;
    span.quarter = quarter;
    write(`${span.text}: ${formatAmount(event.done, span.unit)} of ${formatAmount(span.total, span.unit)}`);
  };

  return {
    notify: (event) => {
      switch (event.kind) {
        case 'message':
          if (event.level === 'warn') write(`warning: ${event.text}`);
          else if (event.level === 'info' && !options.quiet) write(event.text);
          return;
        case 'span-start':
          if (options.quiet) return;
          open.set(event.id, { text: event.text, unit: event.unit, total: event.total, quarter: 0 });
          write(event.text);
          return;
        case 'span-progress':
          progress(event);
          return;
        case 'span-end':
          if (open.delete(event.id) && event.text !== undefined) write(event.text);
          return;
      }
    },
    ask: async (question) => question.fallback,
  };
}

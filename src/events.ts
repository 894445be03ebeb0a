/** What the engine tells the world. Hosts decide how it looks: a progress bar, a plain line, a JSON line, a test's list. */
export type EngineEvent =
  | {
      readonly kind: 'message';
      readonly level: 'debug' | 'info' | 'warn';
      readonly code: string;
      readonly text: string;
      readonly data?: Readonly<Record<string, unknown>>;
    }
  | {
      readonly kind: 'span-start';
      readonly id: number;
      readonly code: string;
      readonly text: string;
      readonly total?: number;
      readonly unit?: 'bytes' | 'items';
    }
  | {
      readonly kind: 'span-progress';
      readonly id: number;
      readonly done: number;
      readonly total?: number;
      readonly text?: string;
    }
  | { readonly kind: 'span-end'; readonly id: number; readonly text?: string; readonly failed?: boolean };

export interface Question {
  readonly code: string;
  readonly text: string;
  readonly choices: readonly string[];
  /** Taken when nobody can answer. */
  readonly fallback: string;
}

export interface Host {
  notify(event: EngineEvent): void;
  ask(question: Question): Promise<string>;
}

export interface Span {
  progress(done: number, total?: number, text?: string): void;
  end(text?: string): void;
  fail(): void;
}

let nextSpan = 1;

/** Starts a piece of work that takes time. End it exactly once. */
export function startSpan(
  host: Host,
  code: string,
  text: string,
  size: { total?: number; unit?: 'bytes' | 'items' } = {},
): Span {
  const id = nextSpan++;
  host.notify({ kind: 'span-start', id, code, text, ...size });
  return {
    progress: (done, total, progressText) =>
      host.notify({
        kind: 'span-progress',
        id,
        done,
        ...(total === undefined ? {} : { total }),
        ...(progressText === undefined ? {} : { text: progressText }),
      }),
    end: (endText) => host.notify({ kind: 'span-end', id, ...(endText === undefined ? {} : { text: endText }) }),
    fail: () => host.notify({ kind: 'span-end', id, failed: true }),
  };
}

/** Runs `work` inside a span, ending it whichever way the work ends. */
export async function withSpan<T>(
  host: Host,
  code: string,
  text: string,
  work: (span: Span) => Promise<T>,
  size: { total?: number; unit?: 'bytes' | 'items' } = {},
): Promise<T> {
  const span = startSpan(host, code, text, size);
  try {
    const result = await work(span);
    span.end();
    return result;
  } catch (error) {
    span.fail();
    throw error;
  }
}

export function info(host: Host, code: string, text: string, data?: Readonly<Record<string, unknown>>): void {
  host.notify({ kind: 'message', level: 'info', code, text, ...(data === undefined ? {} : { data }) });
}

export function warn(host: Host, code: string, text: string, data?: Readonly<Record<string, unknown>>): void {
  host.notify({ kind: 'message', level: 'warn', code, text, ...(data === undefined ? {} : { data }) });
}

/** Swallows everything and answers every question with its fallback: for tests and inner work. */
export const silentHost: Host = { notify: () => {}, ask: async (question) => question.fallback };

import { Worker } from 'node:worker_threads';
import { bug } from '../errors.ts';
import type { Store } from '../store/store.ts';
import { type Job, type JobResults, runJob } from './worker-job.ts';
import { fromPlainError, type WorkerReply, type WorkerRequest, type WorkerSetup } from './worker-message.ts';

export interface PoolOptions {
  readonly store: Store;
  /** How many jobs run at once. */
  readonly concurrency: number;
  readonly inflatedDirectory: string | undefined;
  readonly signal: AbortSignal;
  warn(code: string, text: string): void;
}

export interface Pool {
  /** Of the jobs that wait, the one with the largest cost starts first; costs are only compared with each other. */
  run<K extends Job['kind']>(job: Job & { readonly kind: K }, cost: number): Promise<JobResults[K]>;
  /** Stops the threads; jobs that have not ended fail with `reason`. */
  close(reason?: unknown): Promise<void>;
}

interface Pending {
  readonly job: Job;
  readonly cost: number;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

interface Lane {
  run(job: Job): Promise<unknown>;
  close(reason: unknown): Promise<void>;
}

/**
 * Runs CPU-bound jobs on worker threads, which start when they are needed. With a concurrency of 1, and where the program runs from its
 * TypeScript sources (which a worker thread cannot load on every supported Node), the jobs run on this thread, one at a time.
 */
export function openPool(options: PoolOptions): Pool {
  const threads = options.concurrency > 1 && import.meta.url.endsWith('.js');
  const limit = threads ? options.concurrency : 1;
  const idle: Lane[] = [];
  const lanes: Lane[] = [];
  const queue: Pending[] = [];
  let closed: { readonly reason: unknown } | undefined;

  async function serve(lane: Lane): Promise<void> {
    for (let next = takeCostliest(queue); next !== undefined; next = takeCostliest(queue)) {
      try {
        next.resolve(await lane.run(next.job));
      } catch (error) {
        next.reject(error);
      }
    }
    idle.push(lane);
  }

  async function close(reason: unknown = bug('the pool was closed')): Promise<void> {
    closed ??= { reason };
    options.signal.removeEventListener('abort', onAbort);
    for (const pending of queue.splice(0)) pending.reject(closed.reason);
    await Promise.all(lanes.map((lane) => lane.close(reason)));
  }
  const onAbort = (): void => void close(options.signal.reason);
  options.signal.addEventListener('abort', onAbort, { once: true });

  return {
    run: <K extends Job['kind']>(job: Job & { readonly kind: K }, cost: number) =>
      new Promise<JobResults[K]>((resolve, reject) => {
        if (closed !== undefined) return reject(closed.reason);
        queue.push({ job, cost, resolve: resolve as (result: unknown) => void, reject });
        const lane = idle.pop();
        if (lane !== undefined) void serve(lane);
        else if (lanes.length < limit) {
          const added = threads ? threadLane(options) : inlineLane(options);
          lanes.push(added);
          void serve(added);
        }
      }),
    close,
  };
}

function takeCostliest(queue: Pending[]): Pending | undefined {
  const costliest = queue.reduce((best, pending, index) => (pending.cost > (queue[best]?.cost ?? 0) ? index : best), 0);
  return queue.splice(costliest, 1)[0];
}

/** A job on this thread cannot be stopped, only waited for. */
function inlineLane(options: PoolOptions): Lane {
  let running: Promise<unknown> = Promise.resolve();
  return {
    run: (job) => {
      const started = runJob(job, options);
      running = started.catch(() => undefined);
      return started;
    },
    close: async () => {
      await running;
    },
  };
}

function threadLane(options: PoolOptions): Lane {
  const setup: WorkerSetup = { storeRoot: options.store.root, inflatedDirectory: options.inflatedDirectory };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: setup });
  const pending = new Map<number, Pick<Pending, 'resolve' | 'reject'>>();
  let nextId = 1;
  let ended: unknown;

  const fail = (error: unknown): void => {
    ended ??= error;
    for (const { reject } of pending.values()) reject(ended);
    pending.clear();
  };
  worker.on('message', (reply: WorkerReply) => {
    if (reply.kind === 'warning') return options.warn(reply.code, reply.text);
    const job = pending.get(reply.id);
    pending.delete(reply.id);
    if (reply.kind === 'done') job?.resolve(reply.result);
    else job?.reject(fromPlainError(reply.error));
  });
  worker.on('error', (error) => fail(bug(`a worker thread failed: ${error.message}`, error)));
  worker.on('exit', () => fail(bug('a worker thread ended early')));

  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        const request: WorkerRequest = { id: nextId++, job };
        pending.set(request.id, { resolve, reject });
        worker.postMessage(request);
      }),
    close: async (reason) => {
      fail(reason);
      await worker.terminate();
    },
  };
}

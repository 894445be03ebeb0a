/** Entry of a worker thread: takes jobs one after the other, and answers each. */
import { parentPort, workerData } from 'node:worker_threads';
import { bug } from '../errors.ts';
import { openStore } from '../store/open-store.ts';
import { runJob } from './worker-job.ts';
import { toPlainError, type WorkerReply, type WorkerRequest, type WorkerSetup } from './worker-message.ts';

if (parentPort === null) throw bug('the worker runs outside a worker thread');
const port = parentPort;
const setup = workerData as WorkerSetup;
const store = openStore(setup.storeRoot);
// A failure to open is met by the first job.
store.catch(() => undefined);

port.on('message', async ({ id, job }: WorkerRequest) => {
  try {
    const result = await runJob(job, {
      store: await store,
      inflatedDirectory: setup.inflatedDirectory,
      warn: (code, text) => reply({ kind: 'warning', code, text }),
    });
    reply({ kind: 'done', id, result });
  } catch (error) {
    reply({ kind: 'failed', id, error: toPlainError(error) });
  }
});

function reply(message: WorkerReply): void {
  port.postMessage(message);
}

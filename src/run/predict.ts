import type { Sandbox } from '../apply/sandbox/sandbox.ts';
import type { Json } from '../canonical.ts';
import type { Context } from '../context.ts';
import { CogplanError } from '../errors.ts';
import { withSpan } from '../events.ts';
import { readInputs } from './inputs.ts';
import { startModelServer } from './model-server.ts';
import { writeOutput } from './outputs.ts';
import type { Prediction } from './server-client.ts';

export interface PredictRequest {
  readonly applied: { readonly imageId: string };
  readonly sandbox: Sandbox;
  /** `name=value` or `name=@path`, as on the command line. */
  readonly inputs: readonly string[];
  readonly network: 'none' | 'host';
  readonly setupTimeoutMs: number;
  /** Where the output goes in place of `output.EXT` and of `onOutput`. */
  readonly outputPath?: string | undefined;
  /** Takes the output as a person reads it. Without it no output is written anywhere but into the result. */
  readonly onOutput?: ((text: string) => void) | undefined;
  readonly onLog?: ((line: string) => void) | undefined;
  /** Variables on top of the image's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export interface PredictResult {
  /** As HTTP gives it. */
  readonly prediction: Prediction;
  readonly succeeded: boolean;
  /** Files that the output was written to. */
  readonly files: readonly string[];
}

/** Runs one prediction of an applied image in the sandbox, and leaves nothing running, however it ends. */
export async function predict(context: Context, request: PredictRequest): Promise<PredictResult> {
  const server = await startModelServer(context, {
    imageId: request.applied.imageId,
    sandbox: request.sandbox,
    network: request.network,
    env: request.env ?? {},
    onLog: request.onLog,
  });
  try {
    await server.ready(request.setupTimeoutMs);
    const openapi = await server.client.openapi();
    const input = await readInputs(request.inputs, openapi);
    const prediction = await withSpan(context.host, 'run.predict', 'Predicting', () =>
      Promise.race([server.client.predict(input, context.signal), diedEarly(server.exited)]),
    );
    const succeeded = prediction.status === 'succeeded';
    const files =
      succeeded && (request.onOutput !== undefined || request.outputPath !== undefined)
        ? await writeOutput((prediction.output ?? null) as Json, openapi, {
            path: request.outputPath,
            print: request.onOutput ?? (() => {}),
          })
        : [];
    return { prediction, succeeded, files };
  } finally {
    await server.stop();
  }
}

async function diedEarly(exited: Promise<number>): Promise<never> {
  const code = await exited;
  throw new CogplanError('COGPLAN_PREDICTION_REQUEST', `the server ended with code ${code} during the prediction`, {
    hint: 'The log above is all that the model printed.',
  });
}

import type { Sandbox } from '../apply/sandbox/sandbox.ts';
import type { Json } from '../canonical.ts';
import type { Context } from '../context.ts';
import { CogplanError, printable } from '../errors.ts';
import { withSpan } from '../events.ts';
import type { ModelMode } from '../formats/python/source/openapi.ts';
import { readInputs } from './inputs.ts';
import { alternatives, namedSchema } from './model-schema.ts';
import { startModelServer } from './model-server.ts';
import { writeOutput } from './outputs.ts';
import type { Recorder } from './record/recorder.ts';
import type { Recording } from './record/recording.ts';
import type { Prediction } from './server-client.ts';

export interface PredictRequest {
  readonly applied: { readonly imageId: string };
  readonly sandbox: Sandbox;
  /** Default: a prediction. */
  readonly mode?: ModelMode | undefined;
  /** `name=value` or `name=@path`, as on the command line. */
  readonly inputs: readonly string[];
  readonly network: 'none' | 'host';
  readonly gpus?: string | undefined;
  readonly setupTimeoutMs: number;
  /** Where the output goes in place of `output.EXT` and of `onOutput`. */
  readonly outputPath?: string | undefined;
  /** Takes the output as a person reads it. Without it no output is written anywhere but into the result. */
  readonly onOutput?: ((text: string) => void) | undefined;
  /** Takes the pieces of an output that is shown joined, such as a text's tokens, as they come; `onOutput` then gets only the end of the line. */
  readonly onPiece?: ((text: string) => void) | undefined;
  readonly onLog?: ((line: string) => void) | undefined;
  /** Variables on top of the image's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Takes the place of the network. */
  readonly recorder?: Recorder | undefined;
  /** Takes what the recorder saw, also of a run that failed. */
  readonly onRecording?: ((recording: Recording, succeeded: boolean) => Promise<void>) | undefined;
}

export interface PredictResult {
  /** As HTTP gives it. */
  readonly prediction: Prediction;
  readonly succeeded: boolean;
  /** Files that the output was written to. */
  readonly files: readonly string[];
}

/** Runs one prediction or training of an applied image in the sandbox, and leaves nothing running, however it ends. */
export async function predict(context: Context, request: PredictRequest): Promise<PredictResult> {
  const mode = request.mode ?? 'predict';
  const training = mode === 'train';
  const server = await startModelServer(context, {
    imageId: request.applied.imageId,
    sandbox: request.sandbox,
    network: request.network,
    gpus: request.gpus,
    mode,
    env: request.env ?? {},
    onLog: request.onLog,
    recorder: request.recorder,
  });
  let succeeded = false;
  try {
    await server.ready(request.setupTimeoutMs);
    request.recorder?.enter('predict');
    const openapi = await server.client.openapi();
    const input = await readInputs(request.inputs, openapi, inputComponent(mode));
    const pieces = isJoined(openapi) && request.outputPath === undefined ? piecesFor(request.onPiece) : undefined;
    const prediction = await withSpan(context.host, 'run.predict', training ? 'Training' : 'Predicting', () =>
      Promise.race([
        server.client.create({ mode, input, signal: context.signal, watch: pieces?.watch }),
        diedEarly(server.exited),
      ]),
    );
    succeeded = prediction.status === 'succeeded';
    if (pieces?.any()) {
      request.onOutput?.('');
      return { prediction, succeeded, files: [] };
    }
    const files =
      succeeded && (request.onOutput !== undefined || request.outputPath !== undefined)
        ? await writeOutput((prediction.output ?? null) as Json, openapi, {
            path: request.outputPath,
            print: request.onOutput ?? (() => {}),
            component: training ? 'TrainingOutput' : 'Output',
          })
        : [];
    return { prediction, succeeded, files };
  } finally {
    try {
      const recording = context.signal.aborted ? undefined : await request.recorder?.finish(server.written);
      if (recording !== undefined) await request.onRecording?.(recording, succeeded);
    } finally {
      await server.stop();
    }
  }
}

/** What the schema of the input is called. */
export function inputComponent(mode: ModelMode): string {
  return mode === 'train' ? 'TrainingInput' : 'Input';
}

function isJoined(openapi: Json): boolean {
  const schema = namedSchema(openapi, 'Output') ?? {};
  return alternatives(openapi, schema).some((option) => option['x-cog-array-display'] === 'concatenate');
}

interface Pieces {
  watch(state: Prediction): void;
  any(): boolean;
}

/** Hands each piece of a growing output on once. */
function piecesFor(onPiece: PredictRequest['onPiece']): Pieces | undefined {
  if (onPiece === undefined) return undefined;
  let shown = 0;
  return {
    watch: ({ output }) => {
      if (!Array.isArray(output)) return;
      const text = output.slice(shown).join('');
      shown = output.length;
      if (text !== '') onPiece(printable(text));
    },
    any: () => shown > 0,
  };
}

async function diedEarly(exited: Promise<number>): Promise<never> {
  const code = await exited;
  throw new CogplanError('COGPLAN_PREDICTION_REQUEST', `the server ended with code ${code} during the prediction`, {
    hint: 'The log above is all that the model printed.',
  });
}

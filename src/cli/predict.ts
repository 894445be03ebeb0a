import type { ModelMode } from '../formats/python/source/openapi.ts';
import { readInputs } from '../run/inputs.ts';
import { inputComponent, predict } from '../run/predict.ts';
import { predictionFailed } from '../run/prediction-failed.ts';
import { openRecorder } from '../run/record/recorder.ts';
import { openModel, type RunOptions, timeoutOf, variablesOf } from './open-model.ts';
import { checkRecordable, type RecordedReport, recordFetches } from './record-fetches.ts';
import { type CommonOptions, print, printJson, projectDirectory, withSession } from './session.ts';

interface PredictOptions extends CommonOptions, RunOptions {
  readonly input?: readonly string[];
  readonly output?: string;
  readonly setupTimeout: string;
  readonly network: 'host' | 'none';
  /** Tell what the model fetches, and offer it for the lock. */
  readonly record?: boolean;
}

export function predictVerb(argument: readonly string[], options: PredictOptions): Promise<number> {
  return runOnce('predict', argument, options);
}

/** A training's output goes to a file named `weights`, where the model's `setup(weights)` finds it. */
export function trainVerb(argument: readonly string[], options: PredictOptions): Promise<number> {
  return runOnce('train', argument, { ...options, output: options.output ?? 'weights' });
}

function runOnce(mode: ModelMode, argument: readonly string[], options: PredictOptions): Promise<number> {
  const directory = projectDirectory(argument);
  const setupTimeoutMs = timeoutOf(options.setupTimeout);
  const inputs = options.input ?? [];
  if (options.record) checkRecordable(options);
  return withSession({ ...options, directory }, async (session) => {
    const { context, json } = session;
    const env = variablesOf(context, options.env);
    const opened = await openModel(context, {
      directory,
      options,
      purpose: mode,
      before: (openapi) => readInputs(inputs, openapi, inputComponent(mode)),
    });
    const recorder = options.record ? await openRecorder(context, { env, inputs: addressesIn(inputs) }) : undefined;
    let recorded: RecordedReport | undefined;
    const result = await predict(context, {
      ...opened,
      recorder,
      onRecording: async (recording, succeeded) => {
        recorded = await recordFetches(session, { directory, recording, succeeded, yes: options.yes === true });
      },
      mode,
      inputs,
      env,
      network: options.network,
      gpus: options.gpus,
      setupTimeoutMs,
      outputPath: options.output,
      onOutput: json ? undefined : print,
      onPiece: json ? undefined : (text) => process.stdout.write(text),
    }).finally(() => recorder?.close());
    if (json) {
      printJson(recorded === undefined ? result.prediction : { prediction: result.prediction, record: recorded });
    } else if (!result.succeeded) {
      throw predictionFailed(result.prediction);
    }
    return result.succeeded ? 0 : 1;
  });
}

function addressesIn(inputs: readonly string[]): ReadonlySet<string> {
  const values = inputs.map((word) => word.slice(word.indexOf('=') + 1).replace(/^"(.*)"$/, '$1'));
  return new Set(
    values.flatMap((value) => (/^https?:/.test(value) && URL.canParse(value) ? [new URL(value).href] : [])),
  );
}

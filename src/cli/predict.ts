import type { ModelMode } from '../formats/python/source/openapi.ts';
import { readInputs } from '../run/inputs.ts';
import { inputComponent, predict } from '../run/predict.ts';
import { predictionFailed } from '../run/prediction-failed.ts';
import { openModel, type RunOptions, timeoutOf, variablesOf } from './open-model.ts';
import { type CommonOptions, print, printJson, projectDirectory, withSession } from './session.ts';

interface PredictOptions extends CommonOptions, RunOptions {
  readonly input?: readonly string[];
  readonly output?: string;
  readonly setupTimeout: string;
  readonly network: 'host' | 'none';
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
  return withSession({ ...options, directory }, async ({ context, json }) => {
    const env = variablesOf(context, options.env);
    const opened = await openModel(context, {
      directory,
      options,
      purpose: mode,
      before: (openapi) => readInputs(inputs, openapi, inputComponent(mode)),
    });
    const result = await predict(context, {
      ...opened,
      mode,
      inputs,
      env,
      network: options.network,
      gpus: options.gpus,
      setupTimeoutMs,
      outputPath: options.output,
      onOutput: json ? undefined : print,
      onPiece: json ? undefined : (text) => process.stdout.write(text),
    });
    if (json) {
      printJson(result.prediction);
    } else if (!result.succeeded) {
      throw predictionFailed(result.prediction);
    }
    return result.succeeded ? 0 : 1;
  });
}

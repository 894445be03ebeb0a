import { openSandbox } from '../apply/sandbox/open-sandbox.ts';
import { CogplanError } from '../errors.ts';
import { predict } from '../run/predict.ts';
import { predictionFailed } from '../run/prediction-failed.ts';
import { type ApplyProjectOptions, applyProject } from './apply-project.ts';
import { requireLockFile, withProject } from './project-lock.ts';
import { type CommonOptions, print, printJson, projectDirectory, withSession } from './session.ts';

interface PredictOptions extends CommonOptions, ApplyProjectOptions {
  readonly input?: readonly string[];
  readonly output?: string;
  readonly setupTimeout: string;
  readonly network: 'host' | 'none';
}

export async function predictVerb(argument: readonly string[], options: PredictOptions): Promise<number> {
  const directory = projectDirectory(argument);
  const setupTimeoutMs = timeoutOf(options.setupTimeout);
  return withSession(options, async ({ context, json }) => {
    const applied = await withProject(context, directory, () =>
      applyProject(context, directory, { ...options, toRun: true }),
    );
    const { tools } = await requireLockFile(directory);
    const sandbox = await openSandbox(context, { tools, kind: options.sandbox });
    const result = await predict(context, {
      applied,
      sandbox,
      inputs: options.input ?? [],
      network: options.network,
      setupTimeoutMs,
      outputPath: options.output,
      onOutput: json ? undefined : print,
    });
    if (json) {
      printJson(result.prediction);
    } else if (!result.succeeded) {
      throw predictionFailed(result.prediction);
    }
    return result.succeeded ? 0 : 1;
  });
}

/** Milliseconds, no more than a timer takes. */
function timeoutOf(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds > 0 && seconds <= 2_000_000) return seconds * 1000;
  throw new CogplanError('COGPLAN_USAGE', `--setup-timeout ${text} is not a time`, {
    subject: text,
    hint: 'Give a number of seconds, such as 600.',
  });
}

import { openSandbox } from '../apply/sandbox/open-sandbox.ts';
import { predict } from '../run/predict.ts';
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
  return withSession(options, async ({ context, json }) => {
    const applied = await withProject(context, directory, () => applyProject(context, directory, options));
    const { tools } = await requireLockFile(directory);
    const sandbox = await openSandbox(context, { tools, kind: options.sandbox });
    const result = await predict(context, {
      applied,
      sandbox,
      inputs: options.input ?? [],
      network: options.network,
      setupTimeoutMs: Number(options.setupTimeout) * 1000,
      outputPath: options.output,
      onOutput: json ? undefined : print,
    });
    if (json) printJson(result.prediction);
    return result.succeeded ? 0 : 1;
  });
}

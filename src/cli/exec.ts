import { CogplanError } from '../errors.ts';
import { execute } from '../run/execute.ts';
import { openModel, type RunOptions, variablesOf } from './open-model.ts';
import { type CommonOptions, projectDirectory, withSession } from './session.ts';

interface ExecOptions extends CommonOptions, RunOptions {
  readonly project?: string;
}

/** The command's exit code is the verb's. */
export async function execVerb(argument: readonly string[], options: ExecOptions): Promise<number> {
  const [program, ...rest] = argument;
  if (program === undefined) throw new CogplanError('COGPLAN_USAGE', 'there is no command to run');
  const directory = projectDirectory(options.project === undefined ? [] : [options.project]);
  return withSession({ ...options, directory }, async ({ context }) => {
    const env = variablesOf(context, options.env);
    const opened = await openModel(context, { directory, options });
    return execute(context, {
      ...opened,
      project: directory,
      argv: [program, ...rest],
      env,
      gpus: options.gpus,
      streams: process,
    });
  });
}

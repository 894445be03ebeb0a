import { CogplanError } from '../errors.ts';
import { serve } from '../run/serve.ts';
import { openModel, type RunOptions, timeoutOf, variablesOf } from './open-model.ts';
import { type CommonOptions, print, printJson, projectDirectory, withSession } from './session.ts';

interface ServeOptions extends CommonOptions, RunOptions {
  readonly port: string;
  readonly setupTimeout: string;
  readonly host: string;
}

export async function serveVerb(argument: readonly string[], options: ServeOptions): Promise<number> {
  const directory = projectDirectory(argument);
  const port = portOf(options.port);
  const setupTimeoutMs = timeoutOf(options.setupTimeout);
  return withSession({ ...options, directory }, async ({ context, json }) => {
    const env = variablesOf(context, options.env);
    const opened = await openModel(context, { directory, options, purpose: 'predict' });
    const { applied } = opened;
    await serve(context, {
      ...opened,
      env,
      gpus: options.gpus,
      setupTimeoutMs,
      host: options.host,
      port,
      onReady: (address) => {
        const url = `http://${options.host}:${address.port}`;
        if (json) printJson({ url, imageId: applied.imageId });
        else print(`Serving on ${url} (Ctrl-C stops it)`);
      },
    });
    return 0;
  });
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65536) return port;
  throw new CogplanError('COGPLAN_USAGE', `--port ${text} is not a port`, {
    subject: text,
    hint: 'Give a number from 1 to 65535, or 0 for any free one.',
  });
}

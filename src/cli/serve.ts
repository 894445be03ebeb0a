import { openSandbox } from '../apply/sandbox/open-sandbox.ts';
import { CogplanError } from '../errors.ts';
import { serve } from '../run/serve.ts';
import { type ApplyProjectOptions, applyProject } from './apply-project.ts';
import { requireLockFile, withProject } from './project-lock.ts';
import { type CommonOptions, print, printJson, projectDirectory, withSession } from './session.ts';

interface ServeOptions extends CommonOptions, ApplyProjectOptions {
  readonly port: string;
  readonly host: string;
}

export async function serveVerb(argument: readonly string[], options: ServeOptions): Promise<number> {
  const directory = projectDirectory(argument);
  const port = portOf(options.port);
  return withSession(options, async ({ context, json }) => {
    const applied = await withProject(context, directory, () =>
      applyProject(context, directory, { ...options, toRun: true }),
    );
    const { tools } = await requireLockFile(directory);
    const sandbox = await openSandbox(context, { tools, kind: options.sandbox });
    const url = `http://${options.host}:${port}`;
    await serve(context, {
      applied,
      sandbox,
      host: options.host,
      port,
      onReady: () =>
        json ? printJson({ url, imageId: applied.imageId }) : print(`Serving on ${url} (Ctrl-C stops it)`),
    });
    return 0;
  });
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new CogplanError('COGPLAN_USAGE', `--port ${text} is not a port`, {
    subject: text,
    hint: 'Give a number from 1 to 65535.',
  });
}

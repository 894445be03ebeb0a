import type { Sandbox } from '../apply/sandbox/sandbox.ts';
import type { Context } from '../context.ts';
import { prepareContainer } from './container.ts';
import { readImage } from './image.ts';

export interface ExecuteRequest {
  readonly applied: { readonly imageId: string };
  readonly sandbox: Sandbox;
  /** The project's directory, which the command finds at the image's working directory and may write to. */
  readonly project: string;
  readonly argv: readonly [string, ...string[]];
  readonly gpus?: string | undefined;
  /** Variables on top of the image's own. */
  readonly env: Readonly<Record<string, string>>;
  /** Connected to the command's own streams. */
  readonly streams: {
    readonly stdin: NodeJS.ReadableStream;
    readonly stdout: NodeJS.WritableStream;
    readonly stderr: NodeJS.WritableStream;
  };
}

/** What a command may take to finish after an interrupt. */
const GRACE_MS = 5000;

/** Runs a command of an applied image with the project in place and the host's network, and gives its exit code. */
export async function execute(context: Context, request: ExecuteRequest): Promise<number> {
  const { env, gpus, project, streams } = request;
  const image = await readImage(context, request.applied.imageId);
  const container = await prepareContainer(context, image, { network: 'host', env, gpus, project });
  try {
    const running = await request.sandbox.start({ ...container.request, argv: request.argv, init: false });
    // A command that ends without reading its input closes it.
    running.stdin.on('error', () => {});
    streams.stdin.pipe(running.stdin);
    running.stdout.pipe(streams.stdout, { end: false });
    running.stderr.pipe(streams.stderr, { end: false });
    const drained = Promise.all([ended(running.stdout), ended(running.stderr)]);
    const onAbort = (): void => {
      running.kill('SIGTERM');
      setTimeout(() => running.kill('SIGKILL'), GRACE_MS).unref();
    };
    context.signal.addEventListener('abort', onAbort, { once: true });
    if (context.signal.aborted) onAbort();
    try {
      const code = await running.exited;
      await drained;
      return code;
    } finally {
      context.signal.removeEventListener('abort', onAbort);
      streams.stdin.unpipe(running.stdin);
      streams.stdin.pause();
    }
  } finally {
    await container.dispose();
  }
}

function ended(stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('end', resolve).once('close', resolve).once('error', resolve);
  });
}

import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import type { Span } from '../../events.ts';
import type { Applied } from '../apply.ts';
import { connectDocker } from './docker-engine.ts';
import { type ImageArchive, imageArchive } from './image-archive.ts';

/**
 * Streams the image into the Docker Engine under a name, and checks that what the engine then has there is this image: engines with the
 * classic store identify an image by its config, those with containerd's by its manifest. Errors: COGPLAN_DOCKER_UNAVAILABLE,
 * COGPLAN_DOCKER_FAILED, COGPLAN_DOCKER_IMAGE_ID.
 */
export async function loadIntoDocker(
  context: Context,
  applied: Applied,
  name: { readonly repository: string; readonly tag: string },
  span: Span,
): Promise<void> {
  const { docker } = await connectDocker(context.env);
  const archive = await imageArchive(context, applied, name);
  const tag = `${name.repository}:${name.tag}`;
  await load(docker, archive, tag, { span, signal: context.signal });
  const found = await docker
    .getImage(tag)
    .inspect()
    .catch((error: unknown) => {
      throw failed(tag, error);
    });
  if (found.Id === applied.imageId || found.Id === applied.manifestDigest) return;
  throw new CogplanError(
    'COGPLAN_DOCKER_IMAGE_ID',
    `the Docker Engine has ${found.Id} as ${tag}, not ${applied.imageId}`,
    {
      subject: tag,
      hint: 'The engine rewrote the image while loading it. Use oci:PATH and a registry client instead.',
      data: { expected: applied.imageId, actual: found.Id },
    },
  );
}

async function load(
  docker: Docker,
  archive: ImageArchive,
  tag: string,
  { span, signal }: { readonly span: Span; readonly signal: AbortSignal },
): Promise<void> {
  const body = Readable.from(tracked(archive, span), { objectMode: false, signal });
  try {
    const answer = await docker.loadImage(body, { quiet: true });
    const told = await new Promise<readonly unknown[]>((resolve, reject) => {
      docker.modem.followProgress(answer, (error, output: readonly unknown[]) =>
        error ? reject(error) : resolve(output),
      );
    });
    // The engine reports failures inside a successful answer.
    const failure = told.map(errorOf).find((text) => text !== undefined);
    if (failure !== undefined) throw new Error(failure);
  } catch (error) {
    signal.throwIfAborted();
    throw failed(tag, error);
  } finally {
    body.destroy();
  }
}

async function* tracked(archive: ImageArchive, span: Span): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const part of archive.read()) {
    yield part;
    done += part.length;
    span.progress(done, archive.size);
  }
}

function errorOf(message: unknown): string | undefined {
  const error = typeof message === 'object' && message !== null && 'error' in message ? message.error : undefined;
  return typeof error === 'string' ? error : undefined;
}

function failed(tag: string, error: unknown): CogplanError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CogplanError('COGPLAN_DOCKER_FAILED', `the Docker Engine did not load ${tag}: ${reason}`, {
    subject: tag,
    hint: 'Its log says more, often about disk space. `docker load` takes the output tar:PATH too.',
    cause: error,
  });
}

import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { asSha256, fromDigest, type Sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';

/** An image as running it needs to know it. */
export interface RunnableImage {
  readonly imageId: string;
  readonly env: Readonly<Record<string, string>>;
  /** Entrypoint and command. */
  readonly argv: readonly [string, ...string[]];
  readonly workdir: string;
  /** Bottom first; all of them are in the store. */
  readonly layers: readonly Sha256[];
}

const CONFIG = z.object({
  config: z.object({
    Env: z.array(z.string()).nullish(),
    Entrypoint: z.array(z.string()).nullish(),
    Cmd: z.array(z.string()).nullish(),
    WorkingDir: z.string().nullish(),
  }),
  rootfs: z.object({ diff_ids: z.array(z.string().regex(/^sha256:[0-9a-f]{64}$/)) }),
});

/**
 * Reads an image's configuration from the store by its image ID (`sha256:…` or bare). Format:
 * https://github.com/opencontainers/image-spec/blob/main/config.md
 */
export async function readImage(context: Context, imageId: string): Promise<RunnableImage> {
  const path = await context.store.verified(fromDigest(imageId), undefined, 'the image configuration');
  const parsed = CONFIG.safeParse(JSON.parse(await readFile(path, 'utf8')));
  if (!parsed.success) throw unusable(imageId, 'its configuration is not that of an OCI image', parsed.error);
  const { config, rootfs } = parsed.data;
  const [program, ...rest] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  if (program === undefined) throw unusable(imageId, 'it names no command');
  return {
    imageId,
    env: Object.fromEntries((config.Env ?? []).map(splitVariable)),
    argv: [program, ...rest],
    workdir: config.WorkingDir ?? '/',
    layers: rootfs.diff_ids.map((digest) => asSha256(digest.slice('sha256:'.length))),
  };
}

function splitVariable(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

function unusable(imageId: string, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_IMAGE_UNUSABLE', `image ${imageId} cannot be run: ${problem}`, {
    subject: imageId,
    cause,
  });
}

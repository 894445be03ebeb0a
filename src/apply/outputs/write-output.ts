import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import { withSpan } from '../../events.ts';
import { formatReference } from '../../sources/oci/reference.ts';
import type { Applied } from '../apply.ts';
import { fetchBaseBlobs } from './image-blobs.ts';
import type { Output } from './parse-output.ts';
import type { Pushed } from './registry.ts';
import type { PushedIndex } from './registry-index.ts';

export interface OutputOptions {
  /** Whether images of other platforms that a tag of a registry names stay there. */
  readonly join?: boolean;
}

/**
 * Puts applied images where they are wanted: one, or one for each platform. Every output carries the same configs. A push tells what it did. Outputs
 * that hold one image only are COGPLAN_OUTPUT_INVALID for several.
 */
export function writeOutput(
  context: Context,
  images: readonly [Applied, ...Applied[]],
  output: Output,
  { join = false }: OutputOptions = {},
): Promise<Pushed | PushedIndex | undefined> {
  checkOutput(output, images.length, join);
  const [first] = images;
  return withSpan(context.host, 'apply.output', `Writing ${output.kind}:${placeOf(output)}`, async (span) => {
    if (output.kind !== 'registry') for (const applied of images) await fetchBaseBlobs(context, applied);
    switch (output.kind) {
      case 'oci':
        await (await import('./oci-layout.ts')).writeOciLayout(context, images, output.path);
        return undefined;
      case 'tar':
        await (await import('./tar-file.ts')).writeTarFile(context, first, output.path, span);
        return undefined;
      case 'docker':
        await (await import('./docker.ts')).loadIntoDocker(context, first, output, span);
        return undefined;
      case 'registry': {
        const { reference } = output;
        if (images.length === 1 && !join)
          return (await import('./registry.ts')).pushToRegistry(context, first, reference, span);
        return (await import('./registry-index.ts')).pushIndex(context, images, { reference, join, span });
      }
    }
  });
}

/** Fails with COGPLAN_OUTPUT_INVALID where an output cannot hold so many images, or not join others. */
export function checkOutput(output: Output, images: number, join: boolean): void {
  const isOne = output.kind === 'docker' || output.kind === 'tar';
  const problem =
    isOne && images > 1
      ? `${output.kind}: holds one image, not ${images}`
      : join && output.kind !== 'registry'
        ? `--join is for tags of a registry, not for ${output.kind}:`
        : undefined;
  if (problem === undefined) return;
  throw new CogplanError('COGPLAN_OUTPUT_INVALID', problem, {
    subject: `${output.kind}:${placeOf(output)}`,
    hint: 'registry:NAME and oci:PATH hold images of several platforms; for others name one with --platform.',
  });
}

function placeOf(output: Output): string {
  switch (output.kind) {
    case 'oci':
    case 'tar':
      return output.path;
    case 'docker':
      return `${output.repository}:${output.tag}`;
    case 'registry':
      return formatReference(output.reference);
  }
}

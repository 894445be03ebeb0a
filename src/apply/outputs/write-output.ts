import type { Context } from '../../context.ts';
import { withSpan } from '../../events.ts';
import { formatReference } from '../../sources/oci/reference.ts';
import type { Applied } from '../apply.ts';
import { fetchBaseBlobs } from './image-blobs.ts';
import type { Output } from './parse-output.ts';
import type { Pushed } from './registry.ts';

/** Puts an applied image where it is wanted. Every output carries the same config. A push tells what it did. */
export function writeOutput(context: Context, applied: Applied, output: Output): Promise<Pushed | undefined> {
  return withSpan(context.host, 'apply.output', `Writing ${output.kind}:${placeOf(output)}`, async (span) => {
    if (output.kind !== 'registry') await fetchBaseBlobs(context, applied);
    switch (output.kind) {
      case 'oci':
        await (await import('./oci-layout.ts')).writeOciLayout(context, applied, output.path);
        return undefined;
      case 'tar':
        await (await import('./tar-file.ts')).writeTarFile(context, applied, output.path, span);
        return undefined;
      case 'docker':
        await (await import('./docker.ts')).loadIntoDocker(context, applied, output, span);
        return undefined;
      case 'registry':
        return (await import('./registry.ts')).pushToRegistry(context, applied, output.reference, span);
    }
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

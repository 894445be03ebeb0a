import type { Context } from '../../context.ts';
import { withSpan } from '../../events.ts';
import type { Applied } from '../apply.ts';
import type { Output } from './parse-output.ts';

/** Puts an applied image where it is wanted. Every output carries the same config and manifest. */
export function writeOutput(context: Context, applied: Applied, output: Output): Promise<void> {
  const text = output.kind === 'docker' ? `${output.repository}:${output.tag}` : output.path;
  return withSpan(context.host, 'apply.output', `Writing ${output.kind}:${text}`, async (span) => {
    switch (output.kind) {
      case 'oci':
        return (await import('./oci-layout.ts')).writeOciLayout(context, applied, output.path);
      case 'tar':
        return (await import('./tar-file.ts')).writeTarFile(context, applied, output.path, span);
      case 'docker':
        return (await import('./docker.ts')).loadIntoDocker(context, applied, output, span);
    }
  });
}

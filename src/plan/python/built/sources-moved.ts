import type { Context } from '../../../context.ts';
import { isCogplanError } from '../../../errors.ts';
import { projectPath } from '../../../lock/project-url.ts';
import type { Target } from '../../../lock/schema.generated.ts';
import { locateSource } from './locate-source.ts';

/** Whether a directory or archive of the project that a locked wheel was built from is not what it was. */
export async function sourcesMoved(context: Context, target: Target, directory: string): Promise<boolean> {
  for (const { built } of target.python.packages) {
    const path = built === undefined ? undefined : projectPath(built.source.file.url);
    if (built === undefined || path === undefined) continue;
    const kind = built.source.kind === 'directory' ? 'directory' : 'file';
    const reference = { kind, path } as const;
    try {
      const source = await locateSource(context, reference, { directory, where: undefined });
      if (source.file.sha256 !== built.source.file.sha256) return true;
    } catch (error) {
      if (!isCogplanError(error, 'COGPLAN_SPEC_FILE_MISSING')) throw error;
      return true;
    }
  }
  return false;
}

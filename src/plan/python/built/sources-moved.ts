import type { Context } from '../../../context.ts';
import { isCogplanError } from '../../../errors.ts';
import { projectPath } from '../../../lock/project-url.ts';
import type { Target } from '../../../lock/schema.generated.ts';
import { locateSource } from './locate-source.ts';

export interface MovedSource {
  /** Of the package that was built from it. */
  readonly name: string;
  /** Relative to the project. */
  readonly path: string;
  /** sha256 of what was built. */
  readonly before: string;
  /** Of what is there now; undefined: nothing is. */
  readonly after: string | undefined;
}

/** The directories and archives of the project that locked wheels were built from, and that are not what they were. No network. */
export async function movedSources(
  context: Context,
  { python }: Pick<Target, 'python'>,
  directory: string,
): Promise<readonly MovedSource[]> {
  const moved: MovedSource[] = [];
  for (const { name, built } of python.packages) {
    const path = built === undefined ? undefined : projectPath(built.source.file.url);
    if (built === undefined || path === undefined) continue;
    const before = built.source.file.sha256;
    const after = await sourceDigest(context, { path, kind: built.source.kind }, directory);
    if (after !== before) moved.push({ name, path, before, after });
  }
  return moved;
}

async function sourceDigest(
  context: Context,
  { path, kind }: { readonly path: string; readonly kind: string },
  directory: string,
): Promise<string | undefined> {
  const reference = { kind: kind === 'directory' ? 'directory' : 'file', path } as const;
  try {
    return (await locateSource(context, reference, { directory, where: undefined })).file.sha256;
  } catch (error) {
    if (!isCogplanError(error, 'COGPLAN_SPEC_FILE_MISSING')) throw error;
    return undefined;
  }
}

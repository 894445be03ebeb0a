import type { Context } from '../../context.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { readCoreMetadata } from '../../sources/pypi/core-metadata.ts';
import { findFile } from '../../sources/pypi/find-file.ts';
import type { IndexFile } from '../../sources/pypi/index-file.ts';
import type { ReleaseFact } from '../diff/facts.ts';
import type { LockedWheel } from './find-releases.ts';

/**
 * What the index and the metadata of one wheel tell; of a wheel that is not new only its metadata is asked. Undefined for a wheel that stands on no index. What
 * cannot be read of the metadata is left out. Errors: those of `findFile`.
 */
export async function releaseFact(
  context: Context,
  { wheel, indexes }: LockedWheel,
  { isNew }: { readonly isNew: boolean },
): Promise<ReleaseFact | undefined> {
  const { file } = wheel;
  // What cogplan brings itself, and what was built, stands on no index.
  if (!/^https?:/.test(file.url)) return undefined;
  const sources = { indexes: wheel.index === undefined ? indexes : [wheel.index], findLinks: [] };
  const listed = isNew ? (await findFile(context, sources, { name: wheel.name, url: file.url }))?.file : undefined;
  const about = await aboutWheel(context, wheel, listed).catch((error: unknown) => {
    context.signal.throwIfAborted();
    if (error instanceof Error) return undefined;
    throw error;
  });
  return { ...listedFact(listed), ...about };
}

function listedFact(listed: IndexFile | undefined): ReleaseFact {
  if (listed === undefined) return {};
  const { uploadTime, yanked, project } = listed;
  return {
    ...(uploadTime === undefined ? {} : { released: uploadTime }),
    ...(yanked === undefined ? {} : { yanked }),
    ...(project === undefined ? {} : { project }),
  };
}

/** Kind of what the store keeps of a wheel's metadata, by the wheel's hash. */
const ABOUT = 'wheel-about';

type About = { readonly licence?: string; readonly people: readonly string[] };

async function aboutWheel(context: Context, { file }: PythonPackage, listed: IndexFile | undefined): Promise<About> {
  const known = await context.store.getDerived<About>(ABOUT, file.sha256);
  if (known !== undefined) return known;
  const { licence, people } = await readCoreMetadata(context, {
    filename: decodeURIComponent(file.url.slice(file.url.lastIndexOf('/') + 1)),
    url: file.url,
    sha256: file.sha256,
    size: file.size,
    ...(listed?.metadata === undefined ? {} : { metadata: listed.metadata }),
  });
  const about = { ...(licence === undefined ? {} : { licence }), people };
  await context.store.putDerived(ABOUT, file.sha256, about);
  return about;
}

import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import { type OpenArchive, openArchive } from '../../sources/apt/open-archive.ts';
import { openArchiveAsOf } from '../../sources/apt/open-archive-as-of.ts';
import type { ArchiveSource } from './archive-sources.ts';
import type { IndexReader } from './universe.ts';

export interface ArchivesInput {
  readonly sources: readonly ArchiveSource[];
  readonly architecture: string;
  /** Archives of the lock before: none may be older now, unless a date is asked for. */
  readonly previous: readonly Archive[];
  /** RFC 3339 instant: nothing newer is considered. */
  readonly asOf: string | null;
}

export interface OpenArchives {
  /** The evidence, in the order of the sources. */
  readonly entries: readonly Archive[];
  /** What may be taken from them. */
  readonly indexes: readonly IndexReader[];
  close(): void;
}

/** Opens all archives, or none: the first failure is thrown once every request has ended. */
export async function openArchives(context: Context, input: ArchivesInput): Promise<OpenArchives> {
  const opened = await Promise.allSettled(input.sources.map((source) => openOne(context, source, input)));
  const archives = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const close = (): void => {
    for (const { index } of archives) index.close();
  };
  const failure = opened.find((result) => result.status === 'rejected');
  if (failure !== undefined) {
    close();
    throw failure.reason;
  }
  return {
    entries: archives.map(({ entry }, at) => withKey(entry, input.sources[at])),
    indexes: archives.map(({ index }, at) => limited(index, input.sources[at]?.packages)),
    close,
  };
}

function openOne(
  context: Context,
  source: ArchiveSource,
  { architecture, previous, asOf }: ArchivesInput,
): Promise<OpenArchive> {
  const { url, suite, component, keys } = source;
  const seen = previous.filter((entry) => entry.url === url && entry.suite === suite && entry.component === component);
  const request = { url, suite, component, architecture, keys, previous: latest(seen) };
  if (asOf === null) return openArchive(context, request);
  return openArchiveAsOf(context, { ...request, asOf: new Date(asOf), snapshot: source.snapshot });
}

function latest(entries: readonly Archive[]): Archive | undefined {
  return [...entries].sort((a, b) => compareBytes(a.date, b.date)).at(-1);
}

function withKey(entry: Archive, source: ArchiveSource | undefined): Archive {
  return source?.key === undefined ? entry : { ...entry, key: source.key };
}

/** An index of which only some packages count. */
function limited(index: IndexReader, patterns: readonly string[] | undefined): IndexReader {
  if (patterns === undefined) return index;
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.replace(/[.+]/g, '\\$&').replace(/\*/g, '.*')}$`),
  );
  const counts = (name: string): boolean => expressions.some((expression) => expression.test(name));
  return {
    notAutomatic: index.notAutomatic ?? false,
    names: () => index.names().filter(counts),
    named: (name) => (counts(name) ? index.named(name) : []),
    providing: (name) => index.providing(name).filter((record) => counts(record.name)),
    essentialNames: () => [],
  };
}

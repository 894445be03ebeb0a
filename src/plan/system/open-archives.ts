import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import { findArchive, openIndex } from '../../sources/apt/find-archive.ts';
import { findArchiveAsOf } from '../../sources/apt/find-archive-as-of.ts';
import type { PackagesIndex } from '../../sources/apt/packages-index.ts';
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

/** Archives whose present state is known, and whose indexes have not been read. */
export interface FoundArchives {
  /** The evidence, in the order of the sources. */
  readonly entries: readonly Archive[];
  open(): Promise<OpenArchives>;
}

/** Opens all archives, or none: the first failure is thrown once every request has ended. */
export async function openArchives(context: Context, input: ArchivesInput): Promise<OpenArchives> {
  return (await findArchives(context, input)).open();
}

/** Asks every archive for its state, and has its index brought to the store; the first failure is thrown once every request has ended. */
export async function findArchives(context: Context, input: ArchivesInput): Promise<FoundArchives> {
  const found = await allOf(input.sources.map((source) => findOne(context, source, input)));
  const entries = found.map((entry, at) => withKey(entry, input.sources[at]));
  return {
    entries,
    open: async () => {
      const opened: PackagesIndex[] = [];
      const close = (): void => {
        for (const index of opened) index.close();
      };
      try {
        await allOf(
          found.map(async (entry, at) => {
            opened[at] = await openIndex(context, entry, input.architecture);
          }),
        );
      } catch (error) {
        close();
        throw error;
      }
      return { entries, indexes: opened.map((index, at) => limited(index, input.sources[at]?.packages)), close };
    },
  };
}

async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

function findOne(
  context: Context,
  source: ArchiveSource,
  { architecture, previous, asOf }: ArchivesInput,
): Promise<Archive> {
  const { url, suite, component, keys } = source;
  const seen = previous.filter((entry) => entry.url === url && entry.suite === suite && entry.component === component);
  const request = { url, suite, component, architecture, keys, previous: latest(seen) };
  if (asOf === null) return findArchive(context, request);
  return findArchiveAsOf(context, { ...request, asOf: new Date(asOf), snapshot: source.snapshot });
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

import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { bug, CogplanError } from '../../errors.ts';
import { warn } from '../../events.ts';
import { findFile, type PackageSources } from '../../sources/pypi/find-file.ts';
import type { ChosenFile } from './choose-file.ts';
import type { Root } from './roots.ts';

/** Everything about one wheel that does not change as long as its bytes do not. */
export type WheelDescription = {
  readonly sha256: Sha256;
  readonly size: number;
  /** The index gave no hash: it was computed from the bytes. */
  readonly computed: boolean;
  /** Index that lists it, without credentials; null for a direct URL. */
  readonly index: string | null;
  /** Every index that knows the project, without credentials. */
  readonly indexes: readonly string[];
  /** Reason why it was yanked; null when it was not. */
  readonly yanked: string | null;
  /** `Requires-Dist` lines as written. */
  readonly requires: readonly string[];
  /** `Requires-Python` as written; null when there is none. */
  readonly requiresPython: string | null;
};

export interface DescribeInput {
  readonly name: string;
  readonly file: ChosenFile;
  readonly sources: PackageSources;
  /** The requirement that asks for this file by URL, as written, when one does. */
  readonly direct: string | undefined;
  /** A rule says which index it comes from: that others have the name, too, is no news. */
  readonly onPurpose?: boolean;
}

/**
 * Describes a chosen wheel from its index and its metadata. The result is kept in the store by URL, hash and indexes, so that
 * a lock whose packages did not move asks nothing twice.
 */
export async function describeFile(context: Context, input: DescribeInput): Promise<WheelDescription> {
  const { file, sources } = input;
  const key = sha256(
    canonicalJson({
      url: file.url,
      sha256: file.sha256,
      direct: input.direct === undefined ? undefined : true,
      indexes: sources.indexes.map(withoutUserInfo),
      findLinks: sources.findLinks.map(withoutUserInfo),
    }),
  );
  // Without a hash, other bytes may lie there each time it is asked; without a network it is not asked.
  const isKept = file.sha256 !== undefined || context.http.offline;
  const stored = isKept ? await context.store.getDerived<WheelDescription>(KIND, key) : undefined;
  // Stores of before do not hold what is asked of Python.
  const known = stored?.requiresPython === undefined && !context.http.offline ? undefined : stored;
  const description = known ?? (await lookUp(context, input));
  if (known === undefined) await context.store.putDerived(KIND, key, description);
  tell(context, input, description);
  return description;
}

const KIND = 'wheel-description';

async function lookUp(
  context: Context,
  { name, file, sources, direct, onPurpose = false }: DescribeInput,
): Promise<WheelDescription> {
  const found = direct === undefined ? await findFile(context, sources, { name, url: file.url }) : undefined;
  const listed = found?.file;
  const [other] = onPurpose ? [] : (found?.others ?? []);
  if (found !== undefined && other !== undefined)
    throw indexConflict(file.filename, [{ ...found, ...found.file }, other]);
  if (listed?.sha256 !== undefined && file.sha256 !== undefined && listed.sha256 !== file.sha256) {
    throw new CogplanError(
      'COGPLAN_HASH_MISMATCH',
      `${file.filename}: the index tells sha256 ${listed.sha256}, the resolver found ${file.sha256}`,
      {
        subject: file.filename,
        hint: 'The file was replaced a moment ago, or the index contradicts itself: try again.',
      },
    );
  }
  const url = withCredentials(file.url, found?.source ?? direct?.match(/https?:\/\/\S+/)?.[0]);
  const isComputed =
    file.sha256 === undefined ||
    (listed !== undefined && listed.sha256 === undefined) ||
    (direct !== undefined && !direct.includes(file.sha256));
  const { hash, size } = isComputed
    ? await fetchWhole(context, { url, file })
    : { hash: file.sha256, size: file.size ?? listed?.size ?? (await askSize(context, url)) };
  const { readCoreMetadata } = await import('../../sources/pypi/core-metadata.ts');
  const metadata = await readCoreMetadata(context, {
    filename: file.filename,
    url,
    sha256: hash,
    size,
    ...(listed?.metadata === undefined ? {} : { metadata: listed.metadata }),
  });
  return {
    sha256: hash,
    size,
    computed: isComputed,
    index: found === undefined ? null : withoutUserInfo(found.source),
    indexes: (found?.indexes ?? []).map(withoutUserInfo),
    yanked: listed?.yanked ?? null,
    requires: metadata.requires,
    requiresPython: metadata.requiresPython ?? null,
  };
}

/** Describes a wheel in the store that comes from no index: the project's own, or one that `root` names by its place. */
export async function describeDirect(
  context: Context,
  { filename, url, sha256: hash, size }: ChosenFile,
  root: Root | undefined,
): Promise<WheelDescription> {
  if (hash === undefined || size === undefined) throw bug(`${filename} was asked for by its place and was not fetched`);
  const { readCoreMetadata } = await import('../../sources/pypi/core-metadata.ts');
  const metadata = await readCoreMetadata(context, { filename, url, sha256: hash, size });
  const computed = root?.wheel?.kind === 'url' && root.hashes.length === 0;
  return {
    sha256: hash,
    size,
    computed,
    index: null,
    indexes: [],
    yanked: null,
    requires: metadata.requires,
    requiresPython: metadata.requiresPython ?? null,
  };
}

function indexConflict(
  filename: string,
  sides: readonly { readonly source: string; readonly sha256?: Sha256 | undefined }[],
): CogplanError {
  const [here, there] = sides.map(({ source, sha256: hash }) => ({ index: withoutUserInfo(source), sha256: hash }));
  return new CogplanError(
    'COGPLAN_INDEX_CONFLICT',
    `${filename} has two contents: sha256 ${here?.sha256} on ${here?.index}, sha256 ${there?.sha256} on ${there?.index}`,
    {
      subject: filename,
      hint: 'Say which index the package comes from: a rule with its name below "indexes" in cogplan.yaml.',
      data: { files: [here, there] },
    },
  );
}

function tell(
  context: Context,
  { file, name, onPurpose }: DescribeInput,
  { yanked, indexes, index }: WheelDescription,
): void {
  if (yanked !== null) {
    const reason = yanked === '' ? '' : `: ${yanked}`;
    warn(context.host, 'COGPLAN_WHEEL_YANKED', `${file.filename} was withdrawn by its authors${reason}`, { name });
  }
  if (indexes.length > 1 && onPurpose !== true) {
    warn(context.host, 'COGPLAN_INDEX_OVERLAP', `${name} is on ${indexes.join(' and ')}; it was taken from ${index}`, {
      name,
      indexes,
    });
  }
}

/** Fetches a file whose hash the index does not tell into the store, where apply finds it again. */
async function fetchWhole(
  context: Context,
  { url, file }: { readonly url: string; readonly file: ChosenFile },
): Promise<{ readonly hash: Sha256; readonly size: number }> {
  const { body } = await context.http.stream(url, { signal: context.signal });
  const expected = file.sha256 === undefined ? {} : { sha256: file.sha256 };
  const { sha256: hash, size } = await context.store.put(body, expected);
  return { hash, size };
}

/** Size of a file whose index tells only the hash. */
async function askSize(context: Context, url: string): Promise<number> {
  const range = await context.http.range(url, 0, 0, { signal: context.signal });
  if (range !== undefined) return range.totalSize;
  const { size, body } = await context.http.stream(url, { signal: context.signal });
  if (size !== undefined) {
    body.destroy();
    return size;
  }
  return (await context.store.put(body)).size;
}

/** The credentials of an index are also those of its files on the same origin, as pip has it. */
export function withCredentials(file: string, source: string | undefined): string {
  if (source === undefined || !URL.canParse(source)) return file;
  const [url, from] = [new URL(file), new URL(source)];
  if (url.origin !== from.origin) return file;
  url.username = from.username;
  url.password = from.password;
  return url.href;
}

export function withoutUserInfo(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.username === '' && url.password === '') return text;
  url.username = '';
  url.password = '';
  return url.href;
}

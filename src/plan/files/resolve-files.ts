import pLimit from 'p-limit';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { bug, CogplanError, isCogplanError } from '../../errors.ts';
import { warn } from '../../events.ts';
import type { Platform } from '../../lock/platform.ts';
import type { File, PlacedFile, Step, Target } from '../../lock/schema.generated.ts';
import { fetchNewFile } from '../../sources/files/fetch-new-file.ts';
import { formatOf } from '../../spec/run/commands/archives.ts';
import type { Placement } from '../../spec/run/run-reading.ts';
import type { Spec } from '../../spec/spec.ts';
import type { ResolveOptions } from '../families.ts';
import { addressOn } from './address-on.ts';
import { archiveFormat } from './archive-format.ts';
import { checkAgainstList } from './check-against-list.ts';
import { gitSourceOf, resolveTree } from './git-trees.ts';
import { tellOddFile } from './odd-file.ts';
import { orderedPlacements, orderedSteps } from './ordered.ts';

export interface PlacedResolution {
  readonly files: PlacedFile[];
  readonly steps: Step[];
}

export interface ResolvePlacedInput {
  readonly spec: Spec;
  readonly platform: Platform;
  readonly previous: Target | undefined;
  readonly mode: ResolveOptions['mode'];
  /** Nothing of the project asks for more than the lock before has. */
  readonly unchanged: boolean;
}

const AT_ONCE = 6;

/**
 * What `build.run` and `files` put into the image, each by hash, and the steps that are left. In mode `keep` what was locked for the same address stays.
 */
export async function resolvePlaced(context: Context, input: ResolvePlacedInput): Promise<PlacedResolution> {
  const { spec, platform, previous, mode } = input;
  const kept = mode === 'keep' ? lockedByAddress(previous) : new Map<string, PlacedFile>();
  const limit = pLimit(AT_ONCE);
  const fetched = new Map<string, Promise<File>>();
  const fetchOnce = (placement: Placement, url: string): Promise<File> => {
    const key = `${url} ${placement.sha256 ?? ''}`;
    const known = fetched.get(key) ?? limit(() => fetchFile(context, placement, { url, kept: kept.get(url)?.file }));
    fetched.set(key, known);
    return known;
  };
  const files = await Promise.all(
    orderedPlacements(spec).map(async (placement): Promise<PlacedFile> => {
      const base = { path: placement.path, kind: placement.kind, ...modeOf(placement) };
      const { from, order } = placement;
      if (placement.git !== undefined) {
        const address = canonicalJson({ ...gitSourceOf(placement.git) });
        const tree = await limit(() => resolveTree(context, placement, kept.get(address)));
        return { ...base, ...tree, from, order };
      }
      if (placement.url !== undefined) {
        const { url, foreign } = addressOn(placement.url, platform);
        if (foreign !== undefined) tellForeign(context, placement, { platform, ...foreign });
        const file = await fetchOnce(placement, url);
        const unpack = await unpackOf(context, placement, { file, kept: kept.get(url) });
        return { ...base, ...(url === file.url ? {} : { asked: url }), file, ...unpack, from, order };
      }
      const { text, target } = placement;
      return {
        ...base,
        ...(text === undefined ? {} : { text }),
        ...(target === undefined ? {} : { target }),
        from,
        order,
      };
    }),
  );
  return { files, steps: [...orderedSteps(spec)] };
}

async function fetchFile(
  context: Context,
  { path, from, where, sha256, mirrors = [] }: Placement,
  { url, kept }: { readonly url: string; readonly kept: File | undefined },
): Promise<File> {
  if (kept !== undefined && (sha256 === undefined || kept.sha256 === sha256)) return kept;
  const what = `${path} (${from})`;
  try {
    const urls = [url, ...mirrors];
    const file = await fetchFirst(context, urls, { what, ...(sha256 === undefined ? {} : { sha256 }) });
    await checkAgainstList(context, file, what);
    await tellOddFile(context, { file, url, what, where });
    return file;
  } catch (error) {
    if (!(error instanceof CogplanError) || error.where !== undefined) throw error;
    throw new CogplanError(error.code, `${what}: ${error.message}`, {
      subject: error.subject,
      where,
      hint: error.hint,
      cause: error,
      data: error.data,
    });
  }
}

/** The file from the first address that gives it, with the others beside it. What an address gives is never excused by another one: a wrong hash is an error. */
async function fetchFirst(
  context: Context,
  urls: readonly string[],
  asked: { readonly what: string; readonly sha256?: string },
): Promise<File> {
  for (const [index, url] of urls.entries()) {
    try {
      const file = await fetchNewFile(context, { ...asked, url });
      const mirrors = urls.filter((_, at) => at !== index);
      return mirrors.length === 0 ? file : { ...file, mirrors };
    } catch (error) {
      const isAbsent = isCogplanError(error, 'COGPLAN_NETWORK') || isCogplanError(error, 'COGPLAN_HTTP_STATUS');
      if (!isAbsent || index === urls.length - 1) throw error;
    }
  }
  throw bug('a file without an address');
}

function tellForeign(
  { host }: Context,
  { from, where, path }: Placement,
  {
    platform,
    processor,
    remedy,
  }: { readonly platform: Platform; readonly processor: string; readonly remedy?: string },
): void {
  const advice = remedy === undefined ? 'write $(uname -m) where the processor stands' : `there is ${remedy}`;
  const place = where.line === undefined ? where.file : `${where.file}:${where.line}`;
  warn(
    host,
    'lock.foreign-file',
    `${place}: ${from} puts a file for ${processor} at ${path}, and the image is for ${platform}: ${advice}`,
  );
}

function lockedByAddress(target: Target | undefined): ReadonlyMap<string, PlacedFile> {
  return new Map(
    (target?.files ?? []).flatMap((item) => {
      const address =
        item.git === undefined ? (item.asked ?? item.file?.url) : canonicalJson({ ...gitSourceOf(item.git) });
      return address === undefined ? [] : [[address, item] as const];
    }),
  );
}

function modeOf({ kind, mode }: Placement): { readonly mode?: string } {
  if (kind === 'symlink') return {};
  return { mode: `0${(mode ?? (kind === 'directory' ? 0o755 : 0o644)).toString(8).padStart(3, '0')}` };
}

async function unpackOf(
  context: Context,
  placement: Placement,
  { file, kept }: { readonly file: File; readonly kept: PlacedFile | undefined },
): Promise<Pick<PlacedFile, 'unpack'>> {
  const { unpack, from, path, where } = placement;
  if (unpack === undefined) return {};
  // An address that does not tell what it gives: its bytes do, where they are at hand.
  const isGuess = from.startsWith('files[') && formatOf(placement.url ?? '') === undefined;
  const isHere = isGuess && (await context.store.stat(file.sha256)) !== undefined;
  const format = isHere
    ? archiveFormat(context.store.blobPath(file.sha256), { what: `${path} (${from})`, where })
    : ((isGuess ? kept?.unpack?.format : undefined) ?? unpack.format);
  return { unpack: { format, ...(unpack.strip === 0 ? {} : { strip: unpack.strip }) } };
}

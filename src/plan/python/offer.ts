import type { Context } from '../../context.ts';
import { sha256 } from '../../digest.ts';
import { isCogplanError } from '../../errors.ts';
import { warn } from '../../events.ts';
import { satisfies } from '../../formats/python/specifier.ts';
import { formatVersion } from '../../formats/python/version.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import { rankWheel, type TagRanks } from '../../formats/python/wheel-tags.ts';
import { projectPath } from '../../lock/project-url.ts';
import type { OfferedFile } from '../../sources/pypi/index-desk.ts';
import type { IndexFile } from '../../sources/pypi/index-file.ts';
import { readLinks, readProject } from '../../sources/pypi/project-page.ts';
import { withCredentials, withoutUserInfo } from './describe-file.ts';
import { addMisfit, admitsPython, isTooOld, type Misfits } from './python-bounds.ts';
import type { Root } from './roots.ts';
import { routeOf, type Sources } from './routes.ts';
import { readWheelFolder } from './wheel-folder.ts';

/** Whether indexes that others stand in for could not be reached; found out once. */
export type Unreachable = Map<string, Promise<boolean>>;

export interface OfferInput {
  readonly sources: Sources;
  readonly ranks: TagRanks;
  /** What the project asks for by name: an index that cannot give it is passed over. */
  readonly roots: readonly Root[];
  readonly asOf: string | null;
  /** Version of Python that files must admit; undefined: any. */
  readonly python: string | undefined;
  /** Those not to be offered; what turns out not to admit `python` is added. */
  readonly misfits: Misfits;
  readonly unreachable: Unreachable;
}

/**
 * The files that a package may be chosen from: those of the first index that has a wheel for the target within what the
 * project asks of the name, else of the first that knows it; and those of pages of links, which belong to every project.
 */
export async function offerFiles(
  context: Context,
  name: string,
  input: OfferInput,
): Promise<readonly OfferedFile[] | undefined> {
  const { sources, asOf } = input;
  const { indexes, onPurpose, merged } = routeOf(sources, name);
  const linked = onPurpose && indexes.length === 1 ? [] : await linkedFiles(context, name, sources);
  const found: (readonly OfferedFile[])[] = [];
  for (const source of indexes) {
    const page = (await readReplaceable(context, name, { source, input }))?.map((file) => ({ ...file, source })) ?? [];
    if (page.length > 0) found.push(page);
    if (!merged && page.some((file) => isUsable(file, name, input))) break;
  }
  const chosen = merged
    ? mergeByName(found)
    : (found.find((page) => page.some((file) => isUsable(file, name, input))) ?? found[0] ?? []);
  const files = [...linked, ...chosen].filter((file) => fits(file, name, input));
  if (files.length === 0) return undefined;
  return asOf === null ? files : uploadedUntil(context, name, { files, asOf });
}

/** A project's files; none of an index that cannot be reached while another may stand in for it. */
async function readReplaceable(
  context: Context,
  name: string,
  { source, input }: { readonly source: string; readonly input: OfferInput },
): Promise<readonly IndexFile[] | undefined> {
  const { sources, unreachable } = input;
  if (!isReplaceable(sources, source)) return readProject(context, source, name);
  const known = unreachable.get(source);
  if ((await known) === true) return undefined;
  const reading = readProject(context, source, name);
  const isDown = reading.then(() => false, isOutOfReach);
  unreachable.set(source, isDown);
  if (!(await isDown)) return reading;
  if (known === undefined || !(await known)) {
    const text = `${withoutUserInfo(source)} cannot be reached: ${name} and its kin are taken from the next index`;
    warn(context.host, 'COGPLAN_INDEX_UNREACHABLE', text, { index: withoutUserInfo(source) });
  }
  return undefined;
}

/** Another index may stand in for this one. */
export function isReplaceable({ rules = [] }: Sources, source: string): boolean {
  return rules.some(({ url, replaceable }) => url === source && replaceable === true);
}

export function isOutOfReach(error: unknown): boolean {
  return isCogplanError(error) && OUT_OF_REACH.has(error.code);
}

const OUT_OF_REACH: ReadonlySet<string> = new Set(['COGPLAN_NETWORK', 'COGPLAN_OFFLINE', 'COGPLAN_HTTP_STATUS']);

/** Whether a file is for the target's Python, as far as its index tells. A bound from below is left to the resolver. */
function fits({ filename, requiresPython }: OfferedFile, name: string, { python, misfits }: OfferInput): boolean {
  const wheel = parseWheelFilename(filename);
  if (wheel === undefined) return true;
  const version = formatVersion(wheel.version);
  if (misfits.get(name)?.has(version) === true) return false;
  if (requiresPython === undefined || python === undefined) return true;
  if (admitsPython(requiresPython, python) || isTooOld(requiresPython, python)) return true;
  addMisfit(misfits, name, [version, requiresPython]);
  return false;
}

/** A file name that several indexes have is that of the first. */
function mergeByName(pages: readonly (readonly OfferedFile[])[]): readonly OfferedFile[] {
  const byName = new Map<string, OfferedFile>();
  for (const file of pages.flat()) if (!byName.has(file.filename)) byName.set(file.filename, file);
  return [...byName.values()];
}

async function linkedFiles(
  context: Context,
  name: string,
  { findLinks, folders }: Sources,
): Promise<readonly OfferedFile[]> {
  const pages = await Promise.all(
    findLinks.map(async (source) => ({ source, files: (await readLinks(context, source)) ?? [] })),
  );
  const linked = pages.flatMap(({ source, files }) =>
    files.filter(({ filename }) => projectOf(filename) === name).map((file) => ({ ...file, source })),
  );
  const own = await Promise.all(
    (folders?.paths ?? []).map((path) => readWheelFolder(context, name, { directory: folders?.directory ?? '', path })),
  );
  return [...own.flat(), ...linked];
}

function projectOf(filename: string): string | undefined {
  const wheel = parseWheelFilename(filename);
  if (wheel !== undefined) return wheel.name;
  const [, project] = /^(.+)-\d[^-]*\.(?:tar\.gz|zip|tgz|tar\.bz2)$/.exec(filename) ?? [];
  return project?.toLowerCase().replace(/[-_.]+/g, '-');
}

function isUsable(
  { filename, yanked, requiresPython }: OfferedFile,
  name: string,
  { ranks, roots, python }: OfferInput,
): boolean {
  const wheel = parseWheelFilename(filename);
  if (wheel === undefined || rankWheel(wheel, ranks) === undefined || !admitsPython(requiresPython, python))
    return false;
  const wanted = roots.filter((root) => root.name === name && root.requirement.url === undefined);
  const specifiers = wanted.flatMap(({ requirement }) => requirement.specifiers);
  if (yanked !== undefined && !specifiers.some(({ operator }) => operator === '==')) return false;
  return satisfies(wheel.version, specifiers, true);
}

function uploadedUntil(
  context: Context,
  name: string,
  { files, asOf }: { readonly files: readonly OfferedFile[]; readonly asOf: string },
): readonly OfferedFile[] {
  const limit = Date.parse(asOf);
  const silent = files.find((file) => file.uploadTime === undefined);
  if (silent !== undefined) {
    const source = withoutUserInfo(silent.source);
    const text = `${source} does not say when the files of ${name} were uploaded: newer ones than ${asOf} may be among them`;
    warn(context.host, 'COGPLAN_UPLOAD_TIME_UNKNOWN', text, { name, index: source });
  }
  return files.filter(({ uploadTime }) => uploadTime === undefined || Date.parse(uploadTime) <= limit);
}

/**
 * The METADATA of an offered wheel, kept in the store: by its hash, or by its URL, where it serves as long as there is no
 * network to ask again.
 */
export async function offeredMetadata(context: Context, file: OfferedFile): Promise<Uint8Array> {
  const key = file.sha256 ?? sha256(file.url);
  const isKept = file.sha256 !== undefined || context.http.offline;
  const known = isKept ? await context.store.getDerived<string>(METADATA, key) : undefined;
  if (known !== undefined) return Buffer.from(known, 'base64');
  const { readMetadataBytes } = await import('../../sources/pypi/core-metadata.ts');
  const bytes = await readMetadataBytes(context, {
    ...file,
    url: projectPath(file.url) === undefined ? withCredentials(file.url, file.source) : file.url,
  });
  await context.store.putDerived(METADATA, key, bytes.toString('base64'));
  return bytes;
}

const METADATA = 'offered-metadata';

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../context.ts';
import type { CogplanError } from '../../errors.ts';
import { silentHost } from '../../events.ts';
import { satisfies } from '../../formats/python/specifier.ts';
import { compareVersions, formatVersion, parseVersion, type Version } from '../../formats/python/version.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import { rankTags, rankWheel, type WheelEnvironment } from '../../formats/python/wheel-tags.ts';
import type { OfferedFile } from '../../sources/pypi/index-desk.ts';
import { applyEdits, type Fix } from '../../spec/edit-spec.ts';
import type { Spec } from '../../spec/spec.ts';
import { parseYaml } from '../../spec/yaml-source.ts';
import { exactVersion } from '../accelerator/choose-build.ts';
import { acceleratorTable } from '../accelerator/table.ts';
import { torchConflicts } from '../accelerator/torch-family.ts';
import { mentions } from '../holds.ts';
import { renamedPackage } from '../tables/python-renames.ts';
import { PYTHONS, type PythonChoice, standalonePythons } from '../tables/pythons.ts';
import {
  droppedConstraints,
  duplicates,
  type FilesOf,
  otherNames,
  otherPlatforms,
  standardModules,
} from './advise-names.ts';
import { missingPackages } from './advise-system.ts';
import { type Candidate, editAt, loosened, type Pinned, pinned, replaced, wantedText } from './change-request.ts';
import type { SolveRequest } from './compile-for.ts';
import { jaxPages } from './jax-pages.ts';
import { offerFiles } from './offer.ts';
import { admitsPython } from './python-bounds.ts';
import type { Root } from './roots.ts';
import type { Trial, Trials, Verdict } from './trials.ts';

export interface AdviceInput {
  readonly request: SolveRequest;
  readonly spec: Pick<Spec, 'directory' | 'file' | 'pythonVersion' | 'systemPackages'>;
  /** COGPLAN_PYTHON_UNSATISFIABLE, COGPLAN_NO_WHEEL or COGPLAN_BUILD_FAILED of that request. */
  readonly error: CogplanError;
  readonly now: Date;
  readonly trials: Trials;
  /** For tests; default five minutes. */
  readonly limitMs?: number;
  /** For tests: of these, how long a build is tried with what it misses; default half. */
  readonly compileMs?: number;
}

export interface Advice {
  readonly fixes: readonly Fix[];
  /** In people's words, when time ran out before every change was tried. */
  readonly cutShort: string | undefined;
}

const MOST_FIXES = 3;
const MOST_TRIES = 14;
const MOST_DATED = 80;
/** Before all that were tried in turn: it leaves the versions as they are. */
const FIRST = -1;
const LIMIT_MS = 5 * 60 * 1000;

/**
 * Changes of a project after which it can be locked, likeliest first: each was tried, with what has to be built and with the system that it asks for, and can be made in
 * the project's files. What goes wrong on the way only makes them fewer, and so does running out of time.
 */
export async function advise(context: Context, input: AdviceInput): Promise<Advice> {
  const limitMs = input.limitMs ?? LIMIT_MS;
  const limit = AbortSignal.timeout(limitMs);
  const quiet: Context = { ...context, host: silentHost, signal: AbortSignal.any([context.signal, limit]) };
  const found: Found[] = [];
  let dated: readonly Fix[] = [];
  let cutShort: string | undefined;
  try {
    await search(quiet, input, found);
    const [first] = likeliest(found);
    if (first?.verdict === 'yes') dated = (await onItsDay(quiet, first.candidate, input)) ?? [];
  } catch (error) {
    context.signal.throwIfAborted();
    if (!limit.aborted) throw error;
    cutShort = `Looking for changes that would help was ended after ${timeText(limitMs)}: there may be others.`;
  }
  // What a person gets with it is closest to what once worked: the last of three makes room for it.
  const fixes = likeliest(found)
    .map(({ candidate, verdict }) => told(candidate.fix, verdict))
    .slice(0, dated.length === 0 ? MOST_FIXES : MOST_FIXES - 1);
  return { fixes: [...fixes, ...dated], cutShort };
}

interface Found {
  readonly candidate: Candidate;
  /** `unfinished`: time ran out while what it needs was built. */
  readonly verdict: 'yes' | 'packages' | 'unfinished';
  /** By its place among all that were tried. */
  readonly rank: number;
}

/** Wheels alone first, after what a build says that it misses: what has to be built is only built for advice when that gives none. */
async function search(context: Context, input: AdviceInput, found: Found[]): Promise<void> {
  const { trials, spec } = input;
  const left: { readonly candidate: Candidate; readonly rank: number; readonly verdict: Verdict }[] = [];
  const seen = new Set<string>();
  // Half of the time: what needs nothing to be built is still tried when compiling takes longer.
  const half = AbortSignal.timeout(input.compileMs ?? LIMIT_MS / 2);
  const bounded: Context = { ...context, signal: AbortSignal.any([context.signal, half]) };
  const missing = await missingPackages(bounded, input);
  if (missing !== undefined) {
    const verdict = missing.isTried ? 'yes' : 'unfinished';
    found.push({ candidate: { ...missing.trial, fix: missing.fix }, verdict, rank: FIRST });
  }
  const enough = (): boolean => found.filter(({ verdict }) => verdict === 'yes').length >= MOST_FIXES;
  for await (const candidate of candidates(context, input)) {
    if (enough() || seen.size >= MOST_TRIES) break;
    const key = JSON.stringify(candidate.fix);
    const isOffered = found.some(({ candidate: { fix } }) => fix.text === candidate.fix.text);
    if (isOffered || seen.has(key) || !(await isApplicable(spec.directory, candidate.fix))) continue;
    const rank = seen.size;
    seen.add(key);
    const verdict = await trials.withoutBuilds(context, candidate);
    if (verdict === 'yes' || verdict === 'packages') found.push({ candidate, verdict, rank });
    else if (verdict !== 'no') left.push({ candidate, rank, verdict });
  }
  const tryWithBuilds = async (wanted: Verdict, isEnough: () => boolean): Promise<void> => {
    for (const { candidate, rank } of left.filter(({ verdict }) => verdict === wanted)) {
      if (isEnough()) return;
      const verdict = await trials.withBuilds(context, candidate).catch((error: unknown) => {
        if (found.length === 0) found.push({ candidate, verdict: 'unfinished', rank });
        throw error;
      });
      if (verdict === 'yes') found.push({ candidate, verdict, rank });
    }
  };
  await tryWithBuilds('sources', enough);
  await tryWithBuilds('builds', () => found.length > 0);
}

function likeliest(found: readonly Found[]): readonly Found[] {
  return [...found].sort((a, b) => Number(b.verdict === 'yes') - Number(a.verdict === 'yes') || a.rank - b.rank);
}

/** With what is not known of it. */
function told({ text, ...fix }: Fix, verdict: Found['verdict']): Fix {
  return { ...fix, text: `${text}${UNKNOWN[verdict]}` };
}

const UNKNOWN = {
  yes: '',
  packages: ' (its Python packages can be had; the rest could not be reached to be tried)',
  unfinished: ' (not tried to the end: what has to be built for it takes longer)',
} as const satisfies Record<Found['verdict'], string>;

function timeText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 1 ? `${Math.round(ms / 1000)} seconds` : minutes === 1 ? 'one minute' : `${minutes} minutes`;
}

async function* candidates(context: Context, input: AdviceInput): AsyncGenerator<Candidate> {
  const { request, error } = input;
  const explanation = String(error.data?.explanation ?? error.subject ?? '');
  const named = request.roots.filter((root) => root.name !== '' && mentions(root.name, explanation));
  yield* torchPairs(request);
  yield* ownPages(request);
  yield* duplicates(request, named);
  const filesOf = rememberedFiles(context, request);
  const unknown = Array.isArray(error.data?.unknown) ? (error.data.unknown as readonly string[]) : [];
  yield* otherNames(request, unknown, filesOf);
  yield* standardModules(request, named);
  yield* renames(
    request,
    named.filter(({ name }) => !unknown.includes(name)),
  );
  yield* otherPlatforms(request, named, filesOf);
  yield* plainBuilds(request, named);
  const offers = await offersOf(named, filesOf);
  yield* firstOf(otherPythons(input, offers), 1);
  yield* firstOf(nearestPins(request, offers), 4);
  yield* firstOf(
    droppedConstraints(request, (name) => mentions(name, explanation)),
    4,
  );
  yield* looserPins(request, named);
  yield* otherPythons(input, offers);
}

/** torchvision or torchaudio built for another torch: the one that goes with it, or the torch that goes with them. */
function* torchPairs(request: SolveRequest): Generator<Candidate> {
  const conflicts = torchConflicts(request.roots, acceleratorTable());
  if (conflicts.length === 0) return;
  const pairs = conflicts.map(({ other, fits }) => ({ root: other, version: fits.split('==')[1] ?? '' }));
  yield* pinned(request, pairs);
  for (const { torch, fittingTorch } of conflicts) {
    if (fittingTorch !== undefined)
      yield* pinned(request, [{ root: torch, version: fittingTorch.split('==')[1] ?? '' }]);
  }
}

/** Wheels of JAX that PyPI has not, from the page that JAX keeps them on. */
function* ownPages(request: SolveRequest): Generator<Candidate> {
  const pages = jaxPages(request.roots, acceleratorTable()).filter(
    ({ url, root }) => !request.indexes.findLinks.includes(url) && root.where?.line !== undefined,
  );
  if (pages.length === 0) return;
  const edits = pages.map(({ root, url }) => {
    const option = `--find-links ${url}`;
    // Entries of cog.yaml take options beside a requirement; requirements files want them on lines of their own.
    const isEntry = /\.ya?ml$/.test(root.where?.file ?? '');
    return editAt(
      root.where ?? { file: '' },
      wantedText(root),
      isEntry ? `${wantedText(root)} ${option}` : `${option}\n${wantedText(root)}`,
    );
  });
  const urls = pages.map(({ url }) => url);
  yield {
    fix: { text: `look for it on ${urls.join(' and ')} too (--find-links)`, edits },
    request: { ...request, indexes: { ...request.indexes, findLinks: [...request.indexes.findLinks, ...urls] } },
  };
}

function* renames(request: SolveRequest, named: readonly Root[]): Generator<Candidate> {
  for (const root of named) {
    const to = renamedPackage(root.name);
    if (to === undefined || root.where?.line === undefined) continue;
    const fix = (from: string): Fix => ({
      text: `ask for ${to}: that is the name of ${root.name}`,
      edits: [editAt(root.where ?? { file: '' }, from, to)],
    });
    const text = root.text.replace(root.requirement.name, to);
    yield { fix: fix(root.requirement.name), request: replaced(request, [{ root, text }]) };
    // The version may be that of a placeholder.
    if (root.requirement.specifiers.length > 0) {
      yield { fix: fix(wantedText(root)), request: replaced(request, [{ root, text: to }]) };
    }
  }
}

/** `+cu117` where no index has such a build. */
function* plainBuilds(request: SolveRequest, named: readonly Root[]): Generator<Candidate> {
  const locals = named.flatMap((root) => {
    const version = exactVersion(root);
    return version?.includes('+') === true ? [{ root, version: version.slice(0, version.indexOf('+')) }] : [];
  });
  if (locals.length > 0) yield* pinned(request, locals);
}

function* otherPythons({ request, spec }: AdviceInput, offers: readonly Offer[]): Generator<Candidate> {
  const { value, where } = spec.pythonVersion;
  if (where.line === undefined) return;
  const minor = minorOf(value);
  const distance = ({ python }: PythonChoice): number =>
    Math.abs(Number(python.split('.')[1]) - Number(minor.split('.')[1]));
  const nearest = (choices: readonly PythonChoice[]): readonly PythonChoice[] =>
    choices.filter(({ python }) => python !== minor).sort((a, b) => distance(a) - distance(b));
  // Debian's come with security updates.
  const others = [...nearest(PYTHONS), ...nearest(standalonePythons(request.environment.platform))];
  for (const { python, version, glibc } of others) {
    const environment: WheelEnvironment = { ...request.environment, version, glibc };
    // What has no wheel for it needs no resolver to say so.
    if (offers.some((offer) => offer.pin !== undefined && usableVersions(offer, environment, true).length === 0))
      continue;
    yield {
      fix: { text: `python_version: "${python}"`, edits: [editAt(where, value, python)] },
      request: { ...request, environment: { ...request.environment, version, glibc } },
      python: { value: python, where },
    };
  }
}

interface Offer {
  readonly root: Root;
  readonly pin: Version | undefined;
  readonly files: readonly OfferedFile[];
}

async function offersOf(named: readonly Root[], filesOf: FilesOf): Promise<readonly Offer[]> {
  return Promise.all(
    named.slice(0, MOST_DATED).map(async (root) => ({
      root,
      pin: parseVersion(exactVersion(root) ?? ''),
      files: (await filesOf(root.name)) ?? [],
    })),
  );
}

/** What the indexes of a request have, each name asked for once. */
function rememberedFiles(context: Context, request: SolveRequest): FilesOf {
  const input = {
    sources: request.indexes,
    ranks: rankTags(request.environment),
    roots: request.roots,
    asOf: request.asOf,
    python: undefined,
    misfits: new Map(),
    unreachable: new Map(),
  };
  const known = new Map<string, ReturnType<FilesOf>>();
  return (name) => {
    const asked =
      known.get(name) ??
      offerFiles(context, name, input).then(
        (files) => files ?? [],
        () => undefined,
      );
    known.set(name, asked);
    return asked;
  };
}

/** Pins without a wheel for the target, each moved to the nearest version that has one; those that belong together at once. */
function* nearestPins(request: SolveRequest, offers: readonly Offer[]): Generator<Candidate> {
  const stuck = offers.filter(
    (offer) => offer.pin !== undefined && usableVersions(offer, request.environment, true).length === 0,
  );
  const moved = stuck.flatMap((offer) => {
    const versions = usableVersions(offer, request.environment, false);
    const { pin } = offer;
    const after = versions.find((version) => pin !== undefined && compareVersions(version, pin) > 0);
    const nearest = after ?? versions.at(-1);
    return nearest === undefined ? [] : [{ root: offer.root, version: formatVersion(nearest) }];
  });
  if (moved.length === 0) return;
  const torch = moved.find(({ root }) => root.name === 'torch');
  if (torch !== undefined) yield* pinned(request, withKin(request, torch, moved));
  if (moved.length > 0) yield* pinned(request, moved);
  if (torch === undefined) return;
  // Companions that the table does not know follow by their own requirements when they may.
  const kin = request.roots.filter(
    (root) => ['torchvision', 'torchaudio'].includes(root.name) && exactVersion(root) !== undefined,
  );
  if (kin.length > 0) yield* loosened(request, { moved: [torch], loose: kin });
}

/** torchvision and torchaudio in the versions that go with a torch. */
function withKin(request: SolveRequest, torch: Pinned, moved: readonly Pinned[]): readonly Pinned[] {
  const row = acceleratorTable().torch.find(({ version }) => version === torch.version.split('+')[0]);
  const kin = (['torchvision', 'torchaudio'] as const).flatMap((name) => {
    const root = request.roots.find((item) => item.name === name && exactVersion(item) !== undefined);
    const version = row?.[name];
    return root === undefined || version === undefined || version === null ? [] : [{ root, version }];
  });
  return [
    torch,
    ...kin,
    ...moved.filter(({ root }) => root.name !== 'torch' && !kin.some((item) => item.root === root)),
  ];
}

/** Each exact pin that the reasoning is about, without its version; then all of them. */
function* looserPins(request: SolveRequest, named: readonly Root[]): Generator<Candidate> {
  const exact = named.filter((root) => root.requirement.specifiers.length > 0 && root.where?.line !== undefined);
  for (const root of exact) yield* loosened(request, { moved: [], loose: [root] });
  if (exact.length > 1) yield* loosened(request, { moved: [], loose: exact });
}

/**
 * The change together with the packages of the day on which the newest of the pinned versions was released. The day alone never
 * helps, for it only takes choices away; but what is not pinned then is what the pinned versions were written for.
 */
async function onItsDay(
  context: Context,
  { fix, request, python }: Candidate,
  { now, trials }: AdviceInput,
): Promise<readonly Fix[] | undefined> {
  const exact = request.roots.filter((root) => exactVersion(root) !== undefined);
  if (request.asOf !== null || exact.length === 0) return undefined;
  const offers = await offersOf(exact.slice(0, MOST_DATED), rememberedFiles(context, request));
  const days = offers.flatMap(({ pin, files }) => {
    const times = files.flatMap(({ filename, uploadTime }) => {
      const wheel = parseWheelFilename(filename);
      const isPinned = pin !== undefined && wheel !== undefined && compareVersions(wheel.version, pin) === 0;
      return isPinned && uploadTime !== undefined ? [uploadTime] : [];
    });
    return times.length === 0 ? [] : [times.reduce((least, time) => (time < least ? time : least))];
  });
  if (days.length === 0) return undefined;
  const newest = days.reduce((most, day) => (day > most ? day : most));
  for (const later of [1, 60]) {
    const day = new Date(Date.parse(newest) + later * 86_400_000).toISOString().slice(0, 10);
    const asOf = `${day}T23:59:59Z`;
    if (Date.parse(asOf) >= now.getTime()) return undefined;
    const trial: Trial = { request: { ...request, asOf, keep: [] }, ...(python === undefined ? {} : { python }) };
    const verdict = await trials.withoutBuilds(context, trial);
    if (verdict === 'no') continue;
    const offered: Fix = { text: `${fix.text}, with the packages of ${day} (--as-of ${day})`, edits: fix.edits, asOf };
    if (verdict === 'yes') return [offered];
    if (verdict === 'packages') return [told(offered, verdict)];
    if ((await trials.withBuilds(context, trial)) === 'yes') return [offered];
  }
  return undefined;
}

/** Versions within the project's other limits that have a wheel for an environment, oldest first. */
function usableVersions(
  { root, pin, files }: Offer,
  environment: WheelEnvironment,
  exactly: boolean,
): readonly Version[] {
  const ranks = rankTags(environment);
  const found = files.flatMap(({ filename, requiresPython, yanked }) => {
    const wheel = parseWheelFilename(filename);
    if (wheel === undefined || wheel.version.pre !== undefined || wheel.version.dev !== undefined) return [];
    if (rankWheel(wheel, ranks) === undefined || (yanked !== undefined && !exactly)) return [];
    if (!admitsPython(requiresPython, environment.version)) return [];
    if (exactly && !satisfies(wheel.version, root.requirement.specifiers, true)) return [];
    return exactly || pin === undefined || compareVersions(wheel.version, pin) !== 0 ? [wheel.version] : [];
  });
  return found.sort(compareVersions);
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** Whether the edits fit the files, and leave something that can be read. */
async function isApplicable(directory: string, { edits }: Fix): Promise<boolean> {
  try {
    for (const file of new Set(edits.map((edit) => edit.file))) {
      const own = edits.filter((edit) => edit.file === file);
      const before = await readFile(join(directory, file), 'utf8');
      const after = applyEdits(before, own);
      const gone = own.filter((edit) => 'to' in edit && edit.to === '').length;
      if (gone > 0 && before.split('\n').length - after.split('\n').length < gone) return false;
      if (/\.ya?ml$/.test(file)) parseYaml(after, file);
    }
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function* firstOf<T>(items: Iterable<T>, most: number): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count++ >= most) return;
    yield item;
  }
}

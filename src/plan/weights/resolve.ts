import { posix } from 'node:path';
import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import { withSpan } from '../../events.ts';
import type { CogWeights } from '../../formats/weights/cog-weights-lock.ts';
import { parseHubUri } from '../../formats/weights/hub-uri.ts';
import { weightSetDigest } from '../../formats/weights/set-digest.ts';
import type { WeightSet as LockedSet, WeightSource as LockedSource, WeightFile } from '../../lock/schema.generated.ts';
import { parseBucketUri } from '../../sources/buckets/bucket-uri.ts';
import { readHubTree } from '../../sources/huggingface/hub.ts';
import { chosenBy } from '../../spec/chosen.ts';
import type { WeightSet, WeightSource } from '../../spec/spec.ts';
import { checkEntry, entryOf, pinOf, readCogWeights } from './cog-lock.ts';
import { readHttpWeight } from './http-file.ts';
import { hasHubLayout, inHubLayout } from './hub-layout.ts';
import { readProjectFolder } from './project-folder.ts';

export interface ResolveWeightsInput {
  readonly directory: string;
  readonly sets: readonly WeightSet[];
  readonly previous: readonly LockedSet[];
  /** Sources are looked at again even where nothing else was asked for. */
  readonly upgrade: boolean;
}

/**
 * The weights of a project by path, hash and size. What is asked as before keeps what is locked, but for folders of the project, which are looked at
 * each time. Sets come in the project's order, files sorted by path; of two sources with a file of one path the later wins.
 */
export async function resolveWeights(context: Context, input: ResolveWeightsInput): Promise<readonly LockedSet[]> {
  const locked: LockedSet[] = [];
  const entries = input.sets.length === 0 || input.upgrade ? [] : readCogWeights(input.directory);
  for (const set of input.sets) {
    const before = input.previous.find(({ name }) => name === set.name);
    const entry = entryOf(entries, set);
    const resolved = await resolveSet(context, input, { set, before, entry });
    if (entry !== undefined) checkEntry(entry, resolved);
    locked.push(resolved);
  }
  return locked;
}

interface SetInput {
  readonly set: WeightSet;
  readonly before: LockedSet | undefined;
  /** What Cog's own record says. */
  readonly entry: CogWeights | undefined;
}

async function resolveSet(
  context: Context,
  { directory, upgrade }: ResolveWeightsInput,
  { set, before, entry }: SetInput,
): Promise<LockedSet> {
  const target = directoryOf(set);
  refuseUnreachable(set);
  if (
    before !== undefined &&
    !upgrade &&
    isSameAsk(set, before) &&
    hasHubLayout(before) === (set.layout !== undefined) &&
    !set.sources.some(isOfProject)
  ) {
    return { ...before, target, place: set.place };
  }
  const sources: LockedSource[] = [];
  const files = new Map<string, WeightFile>();
  for (const source of set.sources) {
    const known = upgrade ? undefined : (before?.sources.find(({ uri }) => uri === source.uri) ?? pinOf(entry, source));
    const read = await withSpan(context.host, 'resolve.weights', `Resolving weights ${source.uri}`, () =>
      readSource(context, { directory, source, known, before, layout: set.layout }),
    );
    if (read.files.length === 0) throw empty(set, source);
    for (const file of read.files) files.set(file.path, file);
    sources.push({
      uri: source.uri,
      fingerprint: read.fingerprint,
      ...(source.include.length === 0 ? {} : { include: [...source.include].sort(compareBytes) }),
      ...(source.exclude.length === 0 ? {} : { exclude: [...source.exclude].sort(compareBytes) }),
    });
  }
  const sorted = [...files.values()].sort((a, b) => compareBytes(a.path, b.path));
  checkNesting(set, sorted);
  return {
    name: set.name,
    target,
    place: set.place,
    sources,
    setDigest: weightSetDigest(sorted.map(({ path, file }) => ({ path, sha256: file.sha256 }))),
    files: sorted,
  };
}

interface SourceInput {
  readonly directory: string;
  readonly source: WeightSource;
  readonly known: LockedSource | undefined;
  readonly before: LockedSet | undefined;
  readonly layout: WeightSet['layout'];
}

interface ReadSource {
  readonly fingerprint: string;
  readonly files: readonly WeightFile[];
}

async function readSource(
  context: Context,
  { directory, source, known, before, layout }: SourceInput,
): Promise<ReadSource> {
  const wanted = chosenBy(source);
  const { uri, where } = source;
  if (isOfProject(source)) {
    const files = await readProjectFolder(context, { directory, path: uri, where }, wanted);
    const digest = weightSetDigest(files.map(({ path, file }) => ({ path, sha256: file.sha256 })));
    return { fingerprint: digest, files };
  }
  const hub = parseHubUri(uri);
  if (hub !== undefined) {
    const revision = /^commit:(.+)$/.exec(known?.fingerprint ?? '')?.[1] ?? hub.revision;
    const { commit, files } = await readHubTree(context, { ...hub, revision }, wanted);
    const placed = layout === undefined ? files : inHubLayout(files, { commit, revision: hub.revision });
    return { fingerprint: `commit:${commit}`, files: placed };
  }
  if (/^https?:\/\//i.test(uri)) {
    const file = before?.files.find((item) => item.file.url === uri);
    const earlier = known === undefined || file === undefined ? undefined : { ...file, fingerprint: known.fingerprint };
    const { fingerprint, ...found } = await readHttpWeight(context, { uri, where, before: earlier });
    return { fingerprint, files: wanted(found.path) ? [found] : [] };
  }
  const bucket = parseBucketUri(uri);
  if (bucket !== undefined) {
    const [{ openBuckets }, { readBucketFiles }] = await Promise.all([
      import('../../sources/buckets/open-buckets.ts'),
      import('./bucket-files.ts'),
    ]);
    const files = await readBucketFiles(context, openBuckets(context), { uri: bucket, where, wanted });
    return { fingerprint: weightSetDigest(files.map(({ path, file }) => ({ path, sha256: file.sha256 }))), files };
  }
  throw new CogplanError('COGPLAN_WEIGHTS_SOURCE', `weights cannot be read from ${uri}`, {
    subject: uri,
    where,
    hint: 'Write hf://owner/model@ref, https://…, s3://bucket/prefix, gs://bucket/prefix, or a path in the project.',
  });
}

/** Is it read from the project's own files? */
export function isOfProject({ uri }: WeightSource): boolean {
  return !/^[a-z][a-z0-9+.-]*:\/\//i.test(uri) || uri.startsWith('file://');
}

/** A set of one file whose target already ends in its name stands at that place; every other target is a directory. */
function directoryOf({ target, sources }: WeightSet): string {
  const [only, second] = sources;
  const isFile = only !== undefined && second === undefined && posix.basename(only.uri) === posix.basename(target);
  return isFile && /\.[A-Za-z0-9]+$/.test(target) ? posix.dirname(target) : target;
}

function isSameAsk(set: WeightSet, before: LockedSet): boolean {
  return (
    set.sources.length === before.sources.length &&
    set.sources.every((source, index) => {
      const locked = before.sources[index];
      return locked !== undefined && isSameSource(source, locked);
    })
  );
}

function isSameSource(source: WeightSource, locked: LockedSource): boolean {
  const same = (asked: readonly string[], known: readonly string[] = []): boolean =>
    [...asked].sort(compareBytes).join('\n') === known.join('\n');
  return source.uri === locked.uri && same(source.include, locked.include) && same(source.exclude, locked.exclude);
}

/** A container has no project beside it to fetch from. */
function refuseUnreachable(set: WeightSet): void {
  if (set.place !== 'startup') return;
  const own = set.sources.find(isOfProject);
  if (own === undefined) return;
  throw new CogplanError(
    'COGPLAN_WEIGHTS_SOURCE',
    `weights "${set.name}" lie in the project: they cannot be fetched at start-up`,
    {
      subject: set.name,
      where: own.where,
      hint: 'Give an address that containers reach, or leave them in the image (place: image).',
    },
  );
}

function empty(set: WeightSet, source: WeightSource): CogplanError {
  const filtered = source.include.length + source.exclude.length > 0;
  return new CogplanError('COGPLAN_WEIGHTS_EMPTY', `weights "${set.name}": ${source.uri} has no file to take`, {
    subject: source.uri,
    where: source.where,
    hint: filtered
      ? 'Its include and exclude patterns leave none: loosen them.'
      : 'Put files there, or remove the source.',
  });
}

/** One path cannot be a file and a directory. */
function checkNesting(set: WeightSet, files: readonly WeightFile[]): void {
  const paths = new Set(files.map(({ path }) => path));
  for (const path of paths) {
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
      if (!paths.has(parent)) continue;
      throw new CogplanError(
        'COGPLAN_WEIGHTS_PATH',
        `weights "${set.name}" have ${parent} as a file and as a directory`,
        {
          subject: parent,
          where: set.where,
          hint: 'Exclude one of the two.',
        },
      );
    }
  }
}

import pLimit from 'p-limit';
import { buildId } from '../../build-id.ts';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { info, withSpan } from '../../events.ts';
import { readDebControl } from '../../formats/debian/deb-archive.ts';
import { analyseScripts } from '../../formats/debian/effects/analyse-scripts.ts';
import type { PackageRecord } from '../../formats/debian/package-record.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import { withOlderUrls } from '../../sources/apt/older-urls.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import { findReached, type UnreadStatement } from './unread-statements.ts';

/** By name: sha256 of each maintainer script, and of `triggers`. */
export type ScriptHashes = Readonly<Record<string, Sha256>>;

export interface ReadScripts {
  readonly hashes: ScriptHashes;
  /** The first statement that is not understood, for scripts that are to be run instead. */
  readonly unknown?: string;
  /** Statements that are not understood, on branches that are only taken where something is there that the package does not ship. */
  readonly unread?: readonly UnreadStatement[];
}

const RECORDED = ['config', 'postinst', 'postrm', 'preinst', 'prerm', 'triggers'];

export interface ScriptsInput {
  readonly packages: readonly PackageRecord[];
  readonly suite: string;
  /** What becomes of packages whose scripts are not understood. Sealed are also those that write caches which programs need. */
  readonly unknown: 'refused' | 'sealed';
  /** Where they come from: what has left them is looked for in the snapshots of their states. */
  readonly archives?: readonly Archive[];
}

/**
 * The scripts of each package by the .deb's sha256. The .debs are fetched where these are not yet known; the first package
 * whose scripts do something that is not understood is COGPLAN_SCRIPT_UNKNOWN, unless they are to be run.
 */
export async function readMaintainerScripts(
  context: Context,
  { packages, suite, unknown: rule, archives = [] }: ScriptsInput,
): Promise<ReadonlyMap<Sha256, ReadScripts>> {
  const found = new Map<Sha256, ReadScripts>();
  const limit = pLimit(16);
  await Promise.all(
    packages.map((record) =>
      limit(async () => {
        const known = await context.store.getDerived<StoredScripts>('deb-scripts', derivedKey(record, suite, rule));
        if (known !== undefined) found.set(record.file.sha256, known);
      }),
    ),
  );
  const unknown = packages.filter(({ file }) => !found.has(file.sha256));
  if (unknown.length > 0) {
    await fetchDebs(context, unknown, archives);
    await withSpan(context.host, 'apt.scripts', 'Reading maintainer scripts', async (span) => {
      for (const [index, record] of unknown.entries()) {
        context.signal.throwIfAborted();
        const read = await readScripts(context, record, { suite, unknown: rule });
        if (read.unknown !== undefined && rule === 'refused') throw unknownScript(record, read);
        found.set(record.file.sha256, read);
        span.progress(index + 1, unknown.length);
      }
    });
  }
  for (const { record, ...statement } of await reachedStatements(context, packages, { found, archives })) {
    const why = { hashes: found.get(record.file.sha256)?.hashes ?? {}, ...whyUnknown(statement) };
    if (rule === 'refused') throw unknownScript(record, why);
    found.set(record.file.sha256, why);
  }
  if (unknown.length > 0) tellSealed(context, packages, found);
  return found;
}

function fetchDebs(
  context: Context,
  packages: readonly PackageRecord[],
  archives: readonly Archive[],
): Promise<unknown> {
  const toFetch = packages.map((record) => ({
    file: withOlderUrls({ ...record.file }, archives),
    what: describe(record),
  }));
  return fetchArtifacts(context, toFetch);
}

interface Found {
  readonly found: ReadonlyMap<Sha256, ReadScripts>;
  readonly archives: readonly Archive[];
}

/** Statements that are not understood, on branches that another of the packages opens. */
async function reachedStatements(context: Context, packages: readonly PackageRecord[], { found, archives }: Found) {
  const statements = packages.flatMap((record) =>
    (found.get(record.file.sha256)?.unread ?? []).map((statement) => ({ ...statement, record })),
  );
  if (statements.length === 0) return [];
  await fetchDebs(context, packages, archives);
  return findReached(context, statements, packages);
}

function tellSealed(
  context: Context,
  packages: readonly PackageRecord[],
  found: ReadonlyMap<Sha256, ReadScripts>,
): void {
  const sealed = packages.filter(({ file }) => found.get(file.sha256)?.unknown !== undefined);
  if (sealed.length === 0) return;
  const names = sealed.map(({ name }) => name).join(', ');
  info(context.host, 'apt.sealed', `The scripts of ${names} run once, in the sandbox, when the lock is applied.`);
}

function unknownScript(record: PackageRecord, { unknown, data }: UnderstoodScripts): CogplanError {
  return new CogplanError('COGPLAN_SCRIPT_UNKNOWN', `${describe(record)}: ${unknown ?? ''}`, {
    subject: record.name,
    hint: 'Its effect on the image is not known, so nothing is installed. Ask for another package, or let its scripts run in the sandbox: configure: sealed in cogplan.yaml.',
    data: { package: record.name, version: record.version, ...data },
  });
}

interface UnderstoodScripts extends ReadScripts {
  readonly data?: Readonly<Record<string, unknown>>;
}

/** What programs read and cannot do without, made by programs that only the tree itself holds. Of fonts, only the X server's own. */
const NEEDED_CACHES =
  /(?:^|\/)(?:glib-compile-schemas|gdk-pixbuf-query-loaders|gtk-query-immodules-[23]\.0|update-mime-database|update-fonts-(?:alias|dir|scale))$/;

type StoredScripts = Pick<ReadScripts, 'hashes' | 'unknown' | 'unread'>;

async function readScripts(
  context: Context,
  record: PackageRecord,
  { suite, unknown: rule }: Pick<ScriptsInput, 'suite' | 'unknown'>,
): Promise<UnderstoodScripts> {
  const { file, name, version, architecture } = record;
  const path = await context.store.verified(file.sha256, file.size, describe(record));
  const control = await readDebControl(path, describe(record));
  for (const [field, expected] of Object.entries({ package: name, version, architecture })) {
    const actual = control.paragraph.get(field);
    if (actual !== expected) {
      throw new CogplanError(
        'COGPLAN_ARCHIVE_MISMATCH',
        `${describe(record)} says of itself that its ${field} is ${actual ?? 'absent'}`,
        { subject: file.url },
      );
    }
  }
  const analysis = analyseScripts({ name, version, architecture, scripts: control.scripts, suite });
  const hashes: Record<string, Sha256> = {};
  for (const script of RECORDED) {
    const content = control.scripts.get(script);
    if (content !== undefined) hashes[script] = sha256(content);
  }
  if (!analysis.recognised) {
    return { hashes, ...whyUnknown(analysis) };
  }
  const unread = analysis.effects.filter((effect) => effect.kind === 'unread');
  const [reached] = await findReached(context, unread, [record]);
  if (reached !== undefined) return { hashes, ...whyUnknown(reached) };
  const more = unread.length === 0 ? {} : { unread: unread.map(placeOf) };
  const cache = analysis.effects.find((effect) => effect.kind === 'skipped' && NEEDED_CACHES.test(effect.what));
  const read: StoredScripts =
    rule === 'sealed' && cache?.kind === 'skipped'
      ? { hashes, unknown: `${cache.what} writes a cache` }
      : { hashes, ...more };
  await context.store.putDerived('deb-scripts', derivedKey(record, suite, rule), read);
  return read;
}

function whyUnknown({ script, line, text, reason }: Omit<UnreadStatement, 'paths'>) {
  return { unknown: `${script}, line ${line}: ${reason}: ${text}`, data: { script, line, text, reason } };
}

function placeOf({ paths, script, line, text, reason }: UnreadStatement): UnreadStatement {
  return { paths, script, line, text, reason };
}

/** The build stands for the program's rules about scripts. */
function derivedKey(record: PackageRecord, suite: string, rule: ScriptsInput['unknown']): Sha256 {
  return sha256(canonicalJson({ deb: record.file.sha256, suite, rule, program: buildId() }));
}

function describe({ name, version }: PackageRecord): string {
  return `${name} ${version}`;
}

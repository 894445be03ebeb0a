import pLimit from 'p-limit';
import { buildId } from '../../build-id.ts';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { withSpan } from '../../events.ts';
import { readDebControl } from '../../formats/debian/deb-archive.ts';
import { analyseScripts } from '../../formats/debian/effects/analyse-scripts.ts';
import type { PackageRecord } from '../../formats/debian/package-record.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';

/** By name: sha256 of each maintainer script, and of `triggers`. */
export type ScriptHashes = Readonly<Record<string, Sha256>>;

const RECORDED = ['config', 'postinst', 'postrm', 'preinst', 'prerm', 'triggers'];

/**
 * The scripts of each package by the .deb's sha256. The .debs are fetched where these are not yet known; the first package
 * whose scripts do something that is not understood is COGPLAN_SCRIPT_UNKNOWN.
 */
export async function readMaintainerScripts(
  context: Context,
  packages: readonly PackageRecord[],
  suite: string,
): Promise<ReadonlyMap<Sha256, ScriptHashes>> {
  const found = new Map<Sha256, ScriptHashes>();
  const limit = pLimit(16);
  await Promise.all(
    packages.map((record) =>
      limit(async () => {
        const known = await context.store.getDerived<ScriptHashes>('deb-scripts', derivedKey(record, suite));
        if (known !== undefined) found.set(record.file.sha256, known);
      }),
    ),
  );
  const unknown = packages.filter(({ file }) => !found.has(file.sha256));
  if (unknown.length === 0) return found;
  await fetchArtifacts(
    context,
    unknown.map((record) => ({ file: record.file, what: describe(record) })),
  );
  await withSpan(context.host, 'apt.scripts', 'Reading maintainer scripts', async (span) => {
    for (const [index, record] of unknown.entries()) {
      context.signal.throwIfAborted();
      found.set(record.file.sha256, await readScripts(context, record, suite));
      span.progress(index + 1, unknown.length);
    }
  });
  return found;
}

async function readScripts(context: Context, record: PackageRecord, suite: string): Promise<ScriptHashes> {
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
  if (!analysis.recognised) {
    const { script, line, text, reason } = analysis;
    throw new CogplanError(
      'COGPLAN_SCRIPT_UNKNOWN',
      `${describe(record)}: ${script}, line ${line}: ${reason}: ${text}`,
      {
        subject: name,
        hint: 'Its effect on the image is not known, so nothing is installed. Ask for another package, or report this one.',
        data: { package: name, version, script, line, text, reason },
      },
    );
  }
  const hashes: Record<string, Sha256> = {};
  for (const script of RECORDED) {
    const content = control.scripts.get(script);
    if (content !== undefined) hashes[script] = sha256(content);
  }
  await context.store.putDerived('deb-scripts', derivedKey(record, suite), hashes);
  return hashes;
}

/** The build stands for the program's rules about scripts. */
function derivedKey(record: PackageRecord, suite: string): Sha256 {
  return sha256(canonicalJson({ deb: record.file.sha256, suite, program: buildId() }));
}

function describe({ name, version }: PackageRecord): string {
  return `${name} ${version}`;
}

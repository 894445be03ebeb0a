import { canonicalJson, compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import type { Archive } from '../../lock/schema.generated.ts';

const KIND = 'debian-archive-states';
/** A year of daily states. */
const MAX_STATES = 366;

/** Archive entries as JSON texts. */
type States = { readonly entries: readonly string[] };

export interface RememberedQuery {
  readonly url: string;
  readonly suite: string;
  readonly component: string;
  readonly architecture: string;
}

/** Notes a state of an archive that was verified, so that it can be asked for by date when the archive has moved on. */
export async function rememberArchive(context: Context, entry: Archive, architecture: string): Promise<void> {
  const key = keyOf({ ...entry, architecture });
  await context.store.exclusive(`${KIND}-${key}`, async () => {
    const before = await readStates(context, key);
    if (before.some(({ inRelease }) => inRelease.sha256 === entry.inRelease.sha256)) return;
    const entries = [...before, entry].sort((a, b) => compareBytes(a.date, b.date)).slice(-MAX_STATES);
    await context.store.putDerived(KIND, key, { entries: entries.map((item) => JSON.stringify(item)) });
  });
}

/** The newest state not after `asOf` whose files the store still has. */
export async function newestRemembered(
  context: Context,
  query: RememberedQuery,
  asOf: Date,
): Promise<Archive | undefined> {
  const states = await readStates(context, keyOf(query));
  for (const entry of states.toReversed()) {
    if (new Date(entry.date) > asOf) continue;
    const files = [entry.inRelease, entry.packages, ...(entry.signature === undefined ? [] : [entry.signature])];
    const present = await Promise.all(files.map((file) => context.store.stat(file.sha256)));
    if (present.every((found, at) => found?.size === files[at]?.size)) return entry;
  }
  return undefined;
}

/** By date, oldest first. */
async function readStates(context: Context, key: Sha256): Promise<readonly Archive[]> {
  const states = await context.store.getDerived<States>(KIND, key);
  return (states?.entries ?? []).map((text) => JSON.parse(text) as Archive);
}

function keyOf({ url, suite, component, architecture }: RememberedQuery): Sha256 {
  return sha256(canonicalJson({ url, suite, component, architecture }));
}

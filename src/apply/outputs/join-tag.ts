import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../context.ts';
import { type Digest, sha256, toDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { pushManifest } from '../../sources/oci/push-manifest.ts';
import type { Registry } from '../../sources/oci/registry.ts';
import { type NamedByTag, readTagMembers, type TagMember } from '../../sources/oci/tag-members.ts';
import { encodeImageIndex, INDEX_TYPE } from '../image/image-index.ts';

export interface WrittenIndex {
  readonly digest: Digest;
  /** Images of other platforms in it. */
  readonly others: readonly TagMember[];
  /** Bytes of indexes. */
  readonly sent: number;
  readonly saved: number;
}

export interface TagJoin {
  readonly tag: string;
  readonly own: readonly TagMember[];
}

const MAX_ROUNDS = 10;
/** Longer than another's reading and writing take. */
const LEAST_PAUSE_MS = 1000;

/**
 * Has a tag name images beside those of other platforms that it names already. Registries know no condition for a write
 * (https://github.com/opencontainers/distribution-spec/pull/251 is not part of the standard), so two that join at the same time can overwrite each
 * other: the tag is read just before it is written, and again when another's writing, begun before ours was seen, must have
 * ended; an image that was lost is joined again. Another push of the same platform that came later is left as it is.
 * Errors: COGPLAN_REGISTRY_TAG_CONTENDED, those of `readTagMembers`.
 */
export async function joinTag(context: Context, registry: Registry, { tag, own }: TagJoin): Promise<WrittenIndex> {
  const platforms = new Set(own.map(nameOf));
  /** Digests of our platforms before us: whoever writes them has not seen ours. */
  const replaced = new Set<Digest>();
  let [sent, saved] = [0, 0];
  const result = (digest: Digest, members: readonly TagMember[]): WrittenIndex => {
    return { digest, others: members.filter((member) => !platforms.has(nameOf(member))), sent, saved };
  };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const start = performance.now();
    const before = await readTagMembers(registry, tag);
    const ofOurs = before.members.filter((member) => platforms.has(nameOf(member)));
    if (round === 0) for (const { digest } of ofOurs) replaced.add(digest);
    const missing = round === 0 ? own : own.filter((member) => isLost(member, before.members, replaced));
    if (missing.length === 0 && before.digest !== undefined) return result(before.digest, before.members);
    const names = new Set(missing.map(nameOf));
    const members = [...missing, ...before.members.filter((member) => !names.has(nameOf(member)))];
    const written = await putIndex(registry, { tag, members, before });
    sent += written.sent;
    saved += written.saved;
    const took = performance.now() - start;
    const after =
      written.sent === 0 ? { ...before, digest: written.digest } : await settled(context, registry, { tag, took });
    if (after.digest !== undefined && !own.some((member) => isLost(member, after.members, replaced)))
      return result(after.digest, after.members);
  }
  throw new CogplanError(
    'COGPLAN_REGISTRY_TAG_CONTENDED',
    `${registry.name}:${tag} is written by others all the time`,
    {
      subject: `${registry.name}:${tag}`,
      hint: 'The images are in the registry; the tag does not name all of them. Push again with --join when the others are done.',
    },
  );
}

/** Writes the index of these images unless it is there. `before`: what the tag names, where that was just read. */
export async function putIndex(
  registry: Registry,
  {
    tag,
    members,
    before,
  }: { readonly tag: string; readonly members: readonly TagMember[]; readonly before?: NamedByTag },
): Promise<WrittenIndex> {
  const bytes = encodeImageIndex(members);
  const digest = toDigest(sha256(bytes));
  if (before?.digest === digest) return { digest, others: [], sent: 0, saved: bytes.length };
  // What the tag names is known, and is something else: another request would only give others time.
  const isAbsent = before !== undefined;
  const { sent } = await pushManifest(registry, { bytes, digest, mediaType: INDEX_TYPE }, tag, { isAbsent });
  return { digest, others: [], sent: sent ? bytes.length : 0, saved: sent ? 0 : bytes.length };
}

export function nameOf({ os, architecture }: Pick<TagMember, 'os' | 'architecture'>): string {
  return `${os}/${architecture}`;
}

/** What the tag names when all that was begun before our writing could be seen must have ended; no two wait equally long. */
async function settled(
  context: Context,
  registry: Registry,
  { tag, took }: { readonly tag: string; readonly took: number },
): Promise<NamedByTag> {
  const pause = Math.max(LEAST_PAUSE_MS, 4 * took) * (1 + Math.random() / 2);
  await sleep(pause, undefined, { signal: context.signal });
  return readTagMembers(registry, tag);
}

/** Whether the tag does not name the image, and not for the reason that another of its platform was pushed after it. */
function isLost(member: TagMember, now: readonly TagMember[], replaced: ReadonlySet<Digest>): boolean {
  const there = now.filter((other) => nameOf(other) === nameOf(member));
  return there.every(({ digest }) => digest !== member.digest && replaced.has(digest));
}

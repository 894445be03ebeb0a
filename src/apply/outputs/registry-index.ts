import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import type { Digest } from '../../digest.ts';
import type { Span } from '../../events.ts';
import { formatReference, type ImageReference } from '../../sources/oci/reference.ts';
import { openRegistry } from '../../sources/oci/registry.ts';
import { readTagMembers } from '../../sources/oci/tag-members.ts';
import type { Applied } from '../apply.ts';
import { MANIFEST_TYPE } from '../image/manifest.ts';
import { platformOf } from './image-blobs.ts';
import { joinTag, nameOf, putIndex } from './join-tag.ts';
import { type Pushed, type PushedImage, pushImage } from './registry.ts';

export interface PushedIndex {
  readonly kind: 'registry-index';
  /** With the tag, as it was asked for. */
  readonly reference: string;
  readonly indexDigest: Digest;
  readonly images: readonly (Pushed & { readonly platform: string })[];
  /** Platforms whose images the tag named before, and still does. */
  readonly joined: readonly string[];
  readonly sent: number;
  readonly saved: number;
}

export interface IndexPush {
  readonly reference: ImageReference;
  /** Whether images of other platforms that the tag names stay in its index. */
  readonly join: boolean;
  readonly span: Span;
}

/**
 * Pushes images of several platforms under one tag: each by its digest, with its receipt, and last the index that names them, so that the tag never names
 * one that is not there. Errors: those of `pushToRegistry`, and of `readTagMembers` for a join.
 */
export async function pushIndex(
  context: Context,
  images: readonly Applied[],
  { reference, join, span }: IndexPush,
): Promise<PushedIndex> {
  const registry = await openRegistry(context, reference, { access: 'push' });
  const tag = reference.tag ?? 'latest';
  // Refused before anything is sent.
  if (join) await readTagMembers(registry, tag);
  const pushed: { readonly applied: Applied; readonly result: PushedImage }[] = [];
  // One after the other: layers that they share are sent once.
  for (const applied of images)
    pushed.push({ applied, result: await pushImage(context, applied, { reference, name: undefined, span }) });
  const own = pushed.map(({ applied, result }) => ({
    mediaType: MANIFEST_TYPE,
    digest: result.manifestDigest,
    size: result.manifestSize,
    ...platformOf(applied),
  }));
  const index = join ? await joinTag(context, registry, { tag, own }) : await putIndex(registry, { tag, members: own });
  const sum = (key: 'sent' | 'saved'): number => pushed.reduce((total, { result }) => total + result[key], 0);
  return {
    kind: 'registry-index',
    reference: formatReference(reference),
    indexDigest: index.digest,
    images: pushed.map(({ applied, result: { manifestSize: _, ...image } }) => ({
      platform: applied.platform,
      ...image,
    })),
    joined: [...new Set(index.others.map(nameOf))].sort(compareBytes),
    sent: sum('sent') + index.sent,
    saved: sum('saved') + index.saved,
  };
}

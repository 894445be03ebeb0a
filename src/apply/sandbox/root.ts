import type { Json } from '../../canonical.ts';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { withSpan } from '../../events.ts';
import type { Derive } from '../layers/derivations.ts';
import type { LayerEntry } from '../layers/entry.ts';
import { addEntries, mergeTars, type RootDirectory, type TarInput } from './root-tree.ts';
import { writeTree } from './write-tree.ts';

/** Number of the rules by which tars become directories; part of every root's key. */
const ROOT_RULES = 1;

/** A .deb whose contents a root is made of. */
export interface RootDeb {
  readonly name: string;
  readonly version: string;
  readonly sha256: Sha256;
}

/**
 * The layers of an image, unpacked one over the other into a directory that the store keeps. Returns its path; it must not be written to.
 * The layers' tars must be in the store. `archive` lies on top.
 */
export async function unpackRoot(
  context: Context,
  layers: readonly { readonly diffId: Sha256 }[],
  archive?: RootArchive,
): Promise<string> {
  const key = keyOf({
    rules: ROOT_RULES,
    layers: layers.map(({ diffId }) => diffId),
    ...(archive === undefined ? {} : { archive: archive.sha256 }),
  });
  return context.store.derivedDirectory('root', key, async (directory) => {
    const tars: TarInput[] = [];
    for (const { diffId } of layers) {
      const what = `layer sha256:${diffId}`;
      tars.push({ file: await context.store.verified(diffId, undefined, what), what });
    }
    await withSpan(context.host, 'run.unpack', 'Unpacking the image', () =>
      writeTree(withArchive(mergeTars(tars, { usrMerge: false }), archive), directory, context.signal),
    );
  });
}

/** Files on top of the others, which the hash stands for. */
export interface RootArchive {
  readonly sha256: Sha256;
  readonly entries: readonly LayerEntry[];
}

export interface DebRootRequest {
  readonly debs: readonly RootDeb[];
  readonly archive?: RootArchive | undefined;
  /** Path of the uncompressed data tar of a .deb. */
  debData(sha256: Sha256): Promise<string>;
  readonly derive: Derive;
  readonly signal: AbortSignal;
}

/**
 * The bare contents of .debs in a derived directory, enough to run a program of theirs: links of the merged `/usr`, and nothing that
 * installing would have generated.
 */
export async function unpackDebs({ debs, archive, debData, derive, signal }: DebRootRequest): Promise<string> {
  const key = keyOf({
    rules: ROOT_RULES,
    debs: debs.map((deb) => deb.sha256),
    ...(archive === undefined ? {} : { archive: archive.sha256 }),
  });
  return derive('deb-root', key, async (directory) => {
    const tars: TarInput[] = [];
    for (const deb of debs) tars.push({ file: await debData(deb.sha256), what: `${deb.name} ${deb.version}` });
    await writeTree(withArchive(mergeTars(tars, { usrMerge: true }), archive), directory, signal);
  });
}

function withArchive(root: RootDirectory, archive: RootArchive | undefined): RootDirectory {
  addEntries(root, archive?.entries ?? []);
  return root;
}

function keyOf(recipe: Json): Sha256 {
  return sha256(canonicalJson(recipe));
}

import type { Context } from '../../context.ts';
import { fromDigest } from '../../digest.ts';
import type { ImageBase, Interpreter } from '../../lock/schema.generated.ts';
import { storeBaseLayers } from '../../sources/oci/base-layers.ts';
import { type BaseTree, openBaseTree } from './base-tree.ts';
import { type ProbedBase, probeBase } from './probe-base.ts';

/** The files of a locked base, and what is found in them; layers that the store lacks are fetched. */
export async function openLockedBase(
  context: Context,
  base: ImageBase,
  interpreter: Interpreter,
  architecture: string,
): Promise<{ readonly tree: BaseTree; readonly probed: ProbedBase }> {
  await storeBaseLayers(context, base.layers, base.image);
  const tree = openBaseTree(
    base.layers.map(({ diffId }, index) => ({
      file: context.store.blobPath(fromDigest(diffId)),
      what: `layer ${index + 1} of ${base.image}`,
    })),
  );
  const python = interpreter.version.split('.').slice(0, 2).join('.');
  return { tree, probed: probeBase({ tree, image: base.image, env: base.env, architecture, python }) };
}

import { resolve } from 'node:path';
import { createBlobs } from './blobs.ts';
import { clearAbandoned } from './clear-abandoned.ts';
import { collectGarbage } from './collect-garbage.ts';
import { createDerived } from './derived.ts';
import { createExclusive } from './exclusive.ts';
import { createLayout } from './layout.ts';
import { createLeases } from './leases.ts';
import { createStamps } from './stamps.ts';
import type { Store } from './store.ts';
import { verifyBlobs } from './verify-blobs.ts';

/** Opens the store at `root`, creating it where it does not exist, and clears what killed processes left in it. Fails with COGPLAN_STORE_UNUSABLE. */
export async function openStore(root: string, options: { readonly now?: () => Date } = {}): Promise<Store> {
  const now = options.now ?? (() => new Date());
  const layout = await createLayout(resolve(root));
  await clearAbandoned(layout);
  const stamps = createStamps(layout.stamps, now);
  const exclusive = createExclusive(layout);
  const leases = createLeases(layout, exclusive);
  const { reread, ...blobs } = createBlobs(layout, stamps);
  return {
    root: layout.root,
    ...blobs,
    ...createDerived({ layout, exclusive, leases, now }),
    exclusive,
    lease: leases.hold,
    verify: (onProgress) => verifyBlobs({ layout, stamps, reread }, onProgress),
    gc: (gcOptions) =>
      collectGarbage({ layout, stamps, exclusive, list: blobs.list, blobPath: blobs.blobPath, now }, gcOptions),
  };
}

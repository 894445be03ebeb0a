import type { Sha256 } from '../../digest.ts';
import type { LayerEntry } from './entry.ts';

/**
 * What a layer builder may use: verified input files, and a place for intermediate files. Small enough to be rebuilt in a
 * worker thread from plain data.
 */
export interface BuildEnvironment {
  /** Path of a locked blob; already verified. */
  blob(sha256: Sha256): Promise<string>;
  /**
   * The uncompressed `data.tar` of a .deb as a plain file, inflated once per .deb and kept in the store (kind `deb-data`);
   * `undecided` results never appear under the final name.
   */
  debData(sha256: Sha256): Promise<string>;
  /** A directory for intermediate files, removed after the layer was written. */
  readonly scratch: string;
  warn(code: string, text: string): void;
}

/**
 * A builder turns a recipe into entries: each path once, byte-wise sorted by path with parents first, every parent directory
 * present. It reads inputs, and never the clock, the environment or the network.
 */
export type LayerBuilder<R> = (recipe: R, environment: BuildEnvironment) => Promise<readonly LayerEntry[]>;

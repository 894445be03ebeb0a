import type { Sha256 } from '../../digest.ts';

/** A layer of an image, as far as a plan tells of it. */
export interface LayerFact {
  readonly layer: string;
  readonly family: string;
  /** Key of its recipe: another key is another layer. */
  readonly recipe: Sha256;
  /** Every file that the recipe names. */
  readonly inputs: readonly Sha256[];
  /** Bytes, when the layer is sealed. */
  readonly size?: number;
}

/** What is known of one wheel beside what the lock holds. */
export interface ReleaseFact {
  /** RFC 3339. */
  readonly released?: string;
  /** The reason, possibly empty. */
  readonly yanked?: string;
  readonly licence?: string;
  /** Authors and maintainers. */
  readonly people?: readonly string[];
  /** What the index says of the project, when that is not that it is active. */
  readonly project?: { readonly status: 'archived' | 'deprecated' | 'quarantined'; readonly reason?: string };
}

/** What is known beside the two locks. All of it may be left out: the plan then says less, and nothing wrong. */
export interface DiffFacts {
  /** How the new lock was made; see `ResolveOptions`. Absent: nobody knows, as when two files are compared. */
  readonly mode?: 'keep' | 'upgrade' | 'refresh';
  /** Names of packages that were to be upgraded. */
  readonly upgraded?: readonly string[];
  /** Layers of both locks' images, by platform. */
  readonly layers?: Readonly<
    Record<string, { readonly before: readonly LayerFact[]; readonly after: readonly LayerFact[] }>
  >;
  /** Files of the new lock that need no fetching. */
  readonly stored?: ReadonlySet<Sha256>;
  /** What indexes and wheels tell of single files. */
  readonly releases?: ReadonlyMap<Sha256, ReleaseFact>;
  /** RFC 3339: decides which holds are over. */
  readonly now?: string;
  /** What could not be found out, for the reader of the plan. */
  readonly notes?: readonly string[];
}

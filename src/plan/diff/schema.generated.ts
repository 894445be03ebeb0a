// Generated from lockfiles/schema/plan.json by scripts/generate-lock-types.mjs; do not edit.

/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Digest".
 */
export type Digest = import('../../digest.ts').Digest;
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Family".
 */
export type Family =
  | 'asked'
  | 'base'
  | 'interpreter'
  | 'accelerator'
  | 'system'
  | 'python'
  | 'files'
  | 'weights'
  | 'steps'
  | 'runtime'
  | 'image'
  | 'tools'
  | 'seals'
  | 'holds'
  | 'lock';
/**
 * added, removed; changed: another version or value; other-bytes: same version, other bytes; moved: the same bytes from elsewhere; hash-computed: as moved or new, and the hash is our own for want of the index's; detail: same version and bytes, other facts about them.
 *
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Kind".
 */
export type Kind = 'added' | 'removed' | 'changed' | 'other-bytes' | 'moved' | 'hash-computed' | 'detail';
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Sha256".
 */
export type Sha256 = import('../../digest.ts').Sha256;
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Operation".
 */
export type Operation = import('./patch.ts').PatchOperation;

/**
 * What a new lock does to an old one, version 1: every change with its reason, its consequence and its risk, and the new lock itself.
 */
export interface Plan {
  /**
   * Version of this format. Another number is refused.
   */
  planVersion: 1;
  /**
   * Name and version of the program that made the plan.
   */
  writtenBy: string;
  /**
   * sha256 of the canonical JSON of what the project asks: says which project, in which state, the plan is for.
   */
  asked: import('../../digest.ts').Digest;
  /**
   * sha256 of the text of the old lock; null when there was none.
   */
  before: null | Digest;
  /**
   * sha256 of the text of the new lock.
   */
  after: import('../../digest.ts').Digest;
  summary: Summary;
  changes: Change[];
  layers: LayerMove[];
  holds: HeldBack[];
  /**
   * What the plan could not find out.
   */
  notes: string[];
  /**
   * RFC 6902: applied to the old lock (null when there was none) it gives the new one.
   */
  patch: Operation[];
  /**
   * The new lock, whole: what applying the plan writes.
   */
  lock: import('../../lock/schema.generated.ts').Lock;
}
/**
 * How many changes of each kind there are. Seals follow their layers and are not counted, unless their bytes are others.
 *
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Summary".
 */
export interface Summary {
  added: number;
  removed: number;
  changed: number;
  otherBytes: number;
  moved: number;
  details: number;
  layersMoved: number | null;
  layersKept: number | null;
  /**
   * What has to be fetched before the lock can be applied; null when unknown.
   */
  fetch: null | Amount;
  /**
   * Bytes of all sealed layers; null when neither is wholly sealed.
   */
  image: null | ImageSize;
}
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Amount".
 */
export interface Amount {
  files: number;
  bytes: number;
}
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "ImageSize".
 */
export interface ImageSize {
  before: number | null;
  after: number | null;
}
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Change".
 */
export interface Change {
  /**
   * Unique in the plan, such as python/numpy@linux/amd64.
   */
  id: string;
  /**
   * Target, such as linux/amd64; null: not of one target.
   */
  platform: string | null;
  family: Family;
  /**
   * Package, key or layer: unique in family and target.
   */
  subject: string;
  kind: Kind;
  from: null | Side;
  to: null | Side;
  /**
   * Every member that differs, with both values; empty for added and removed.
   */
  details: Detail[];
  /**
   * @minItems 1
   */
  reasons: Reason[];
  /**
   * Names from what was asked to the subject, by the new lock's edges (the old one's, when removed).
   */
  via: string[];
  risks: Risk[];
  /**
   * Names of the layers that this change moves, as far as known.
   */
  layers: string[];
  /**
   * Bytes to fetch for this change; absent when unknown.
   */
  fetch?: number;
}
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Side".
 */
export interface Side {
  /**
   * Version, or the value in one line.
   */
  value: string;
  sha256?: Sha256;
  size?: number;
  url?: string;
  index?: string;
  /**
   * The index gave no hash: it was computed from the bytes.
   */
  computed?: true;
  /**
   * Edges to other packages.
   */
  requires?: string[];
  /**
   * When the file was published, RFC 3339, where known.
   */
  released?: string;
  /**
   * What the package's metadata says, an SPDX expression where it has one.
   */
  licence?: string;
}
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Detail".
 */
export interface Detail {
  /**
   * Member of the subject, such as file.sha256.
   */
  field: string;
  /**
   * Absent: there was none.
   */
  from?: import('../../canonical.ts').Json;
  /**
   * Absent: there is none.
   */
  to?: import('../../canonical.ts').Json;
}
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Reason".
 */
export interface Reason {
  /**
   * asked: what the project asks changed; required: a requirement of another package; not-required: nothing needs it now; follows: another change brings it along; upgrade: newer versions were wanted; gone: the locked file can no longer be had; index: the index gives other data; rule: a table or rule of cogplan; cogplan: this version of cogplan brings it; applied: an apply wrote it; hold: somebody decided; resolved: chosen anew, nothing asked forces it. Readers tolerate others.
   */
  kind:
    | 'asked'
    | 'required'
    | 'not-required'
    | 'follows'
    | 'upgrade'
    | 'gone'
    | 'index'
    | 'rule'
    | 'cogplan'
    | 'applied'
    | 'hold'
    | 'resolved';
  text: string;
  /**
   * Subject of the same family that the reason leads to.
   */
  by?: string;
}
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "Risk".
 */
export interface Risk {
  /**
   * Readers tolerate others.
   */
  kind:
    | 'other-bytes'
    | 'computed-hash'
    | 'new-index'
    | 'new-host'
    | 'new-signer'
    | 'yanked'
    | 'quarantined'
    | 'retired'
    | 'licence'
    | 'people'
    | 'gpu'
    | 'built'
    | 'downgrade'
    | 'major'
    | 'pre-release'
    | 'scripts'
    | 'base'
    | 'interpreter';
  level: 'high' | 'medium' | 'low';
  text: string;
}
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "LayerMove".
 */
export interface LayerMove {
  platform: string;
  layer: string;
  family: string;
  kind: 'added' | 'removed' | 'rebuilt';
  /**
   * Bytes of the old layer, when sealed.
   */
  before?: number;
  /**
   * Bytes of the new layer, when sealed.
   */
  after?: number;
}
/**
 * This interface was referenced by `Plan`'s JSON-Schema
 * via the `definition` "HeldBack".
 */
export interface HeldBack {
  subject: string;
  reason: string;
  since: string;
  until?: string;
  /**
   * absent: the lock has no such subject.
   */
  state: 'held' | 'expired' | 'absent';
  /**
   * The version that is kept.
   */
  value: string | null;
}

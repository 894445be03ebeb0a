import type { Json } from '../canonical.ts';
import type { Sha256 } from '../digest.ts';

export interface BlobInfo {
  readonly sha256: Sha256;
  readonly size: number;
}

/** A blob being written. Nothing is visible under its name until `commit` has checked hash and size. */
export interface BlobWriter {
  /** Bytes so far, those of an earlier writer that was resumed included. */
  readonly size: number;
  /** The chunk may be reused once the promise has resolved. Calls must not overlap. */
  write(chunk: Uint8Array): Promise<void>;
  /** Fails with COGPLAN_HASH_MISMATCH when `expected` is given and differs; the bytes are then dropped. */
  commit(expected?: { readonly sha256?: Sha256; readonly size?: number }): Promise<BlobInfo>;
  /** Drops what was written. Safe to call after `commit`. */
  abort(): Promise<void>;
  /** Stops and keeps what was written for a later `writer({ resume })`; drops it where nothing was to be resumed. */
  suspend(): Promise<void>;
}

export interface ExclusiveOptions {
  readonly signal?: AbortSignal;
  /** Called once when the lock has been another's for a second, with a description of its owner. */
  readonly onWait?: (owner: string) => void;
}

export interface StoreProblem {
  readonly sha256: string;
  readonly problem: 'hash-mismatch' | 'size-mismatch' | 'unreadable' | 'stray';
  readonly detail: string;
}

/**
 * Blobs by sha256, and results derived from them. Layout: `blobs/sha256/<hex>` (an OCI layout's), `derived/`, `tmp/`,
 * `locks/`, `leases/`, `quarantine/`, `cache/`. Safe for several processes: blobs appear by rename, and are immutable.
 */
export interface Store {
  readonly root: string;
  /** Where a blob lies or would lie; says nothing about its presence. */
  blobPath(sha256: Sha256): string;
  /** Presence and size, without reading the content. */
  stat(sha256: Sha256): Promise<BlobInfo | undefined>;
  /**
   * The path of a blob whose content is known to hash to its name: verified when it was written, and again whenever its
   * stamp (inode, size, mtime, ctime) has changed since. A wrong one is moved to `quarantine/` and COGPLAN_BLOB_CORRUPT
   * names both hashes; an absent one is COGPLAN_BLOB_MISSING naming `what`.
   */
  verified(sha256: Sha256, size: number | undefined, what: string): Promise<string>;
  put(
    data: Uint8Array | AsyncIterable<Uint8Array>,
    expected?: { readonly sha256?: Sha256; readonly size?: number },
  ): Promise<BlobInfo>;
  /**
   * With `resume`, continues the bytes that an earlier writer of that blob suspended or left behind; the caller holds
   * `exclusive` for it, and the content is still checked as a whole by `commit`.
   */
  writer(options?: { readonly resume?: Sha256 }): Promise<BlobWriter>;
  /**
   * Puts a blob at `target` (replacing a file there) as a hard link, or as a copy across file systems. The file is
   * read-only and shares the store's bytes.
   */
  link(sha256: Sha256, target: string): Promise<void>;
  /** Removes what `link` put at `target`, and keeps the blob known as right, though the change time of its file moves. */
  unlink(sha256: Sha256, target: string): Promise<void>;
  /** A result computed from blobs: small JSON under a kind and a key (hash of the recipe). */
  getDerived<T extends Json>(kind: string, key: Sha256): Promise<T | undefined>;
  putDerived(kind: string, key: Sha256, value: Json): Promise<void>;
  /**
   * A directory computed once and kept (an unpacked root, an inflated .deb): `build` fills a temporary directory which is
   * then renamed into place. Returns its path. One builder at a time per key, across processes.
   */
  derivedDirectory(kind: string, key: Sha256, build: (directory: string) => Promise<void>): Promise<string>;
  /** A private directory below `tmp/`; removed by `dispose`, or by a later `gc` when the process died. */
  scratch(prefix: string): Promise<{ readonly path: string; dispose(): Promise<void> }>;
  /** Holds an advisory lock across processes while `work` runs; a dead owner's lock is taken over. Not reentrant. */
  exclusive<T>(name: string, work: () => Promise<T>, options?: ExclusiveOptions): Promise<T>;
  /** Names blobs in use, so that `gc` in another process leaves them alone until released. */
  lease(blobs: readonly Sha256[]): Promise<{ release(): Promise<void> }>;
  list(): AsyncIterable<BlobInfo>;
  /** Re-reads every blob; problems are reported, wrong blobs set aside. */
  verify(onProgress?: (doneBytes: number, totalBytes: number) => void): Promise<readonly StoreProblem[]>;
  /** Removes what is neither in `keep`, nor leased, nor used within `olderThanMs`. Returns what went. */
  gc(options: {
    readonly keep: ReadonlySet<string>;
    readonly olderThanMs: number;
    readonly dryRun?: boolean;
  }): Promise<{ readonly removed: number; readonly bytes: number }>;
}

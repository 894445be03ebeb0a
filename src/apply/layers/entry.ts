import type { Sha256 } from '../../digest.ts';

/** Where the bytes of a file come from; read only when the layer is written. */
export type Content =
  | { readonly kind: 'bytes'; readonly data: Uint8Array }
  /** Bytes of a plain file (a decompressed tar, a source file). */
  | { readonly kind: 'slice'; readonly file: string; readonly offset: number; readonly length: number }
  /** A member of a zip: raw data at `offset` (after the local header), stored (0) or deflated (8). */
  | {
      readonly kind: 'zip';
      readonly file: string;
      readonly offset: number;
      readonly compressedSize: number;
      readonly method: 0 | 8;
      readonly length: number;
      readonly crc32: number;
      /** What the wheel's RECORD says of the bytes, such as `sha256=…`; they are held against it. */
      readonly recorded?: string;
    };

interface EntryBase {
  /** Canonical: no leading or trailing slash, no empty, `.` or `..` segment. */
  readonly path: string;
  /** Permission bits, 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** What put it there, for messages: `libgl1 1.6.0-1`, `numpy-1.26.4-…whl`. */
  readonly origin: string;
}

export interface FileEntry extends EntryBase {
  readonly type: 'file';
  readonly size: number;
  readonly content: Content;
  /** Binary value of `security.capability`, the only extended attribute kept. */
  readonly capability?: Uint8Array;
  /**
   * An OCI whiteout: the last segment of the path is `.wh.` and the name of what is taken away from the layers below.
   * https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
   */
  readonly whiteout?: true;
}
export interface DirectoryEntry extends EntryBase {
  readonly type: 'directory';
}
export interface SymlinkEntry extends EntryBase {
  readonly type: 'symlink';
  readonly target: string;
}
/** `target` is the canonical path of a file entry earlier in the same layer. */
export interface HardlinkEntry extends EntryBase {
  readonly type: 'hardlink';
  readonly target: string;
}

export type LayerEntry = FileEntry | DirectoryEntry | SymlinkEntry | HardlinkEntry;

/** A layer that was written: its uncompressed tar lies in the store under `diffId`. */
export interface BuiltLayer {
  readonly diffId: Sha256;
  readonly size: number;
}

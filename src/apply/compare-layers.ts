import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { compareBytes } from '../canonical.ts';
import { readTarIndex, type TarMember } from '../formats/archive/tar-reader.ts';

/** The first thing in which two layers differ, told in words for each side. */
export interface LayerDifference {
  /** Path in the image; empty when every entry is the same and the tar around them differs. */
  readonly path: string;
  readonly field:
    | 'presence'
    | 'order'
    | 'type'
    | 'mode'
    | 'owner'
    | 'time'
    | 'target'
    | 'size'
    | 'capability'
    | 'content'
    | 'encoding';
  readonly sealed: string;
  readonly rebuilt: string;
}

const PIECE = 1024 * 1024;

/** Compares two layers' tars, path by path in byte-wise order and field by field. Undefined when they are equal to the last byte. */
export function compareLayers(sealedTar: string, rebuiltTar: string): LayerDifference | undefined {
  const sealed = readTarIndex(sealedTar, 'the sealed layer');
  const rebuilt = readTarIndex(rebuiltTar, 'the rebuilt layer');
  const files = { sealed: openSync(sealedTar, 'r'), rebuilt: openSync(rebuiltTar, 'r') };
  try {
    return (
      compareEntries(sealed, rebuilt, files) ??
      compareOrder(sealed, rebuilt) ??
      compareEncoding(sealedTar, rebuiltTar, files)
    );
  } finally {
    closeSync(files.sealed);
    closeSync(files.rebuilt);
  }
}

interface Files {
  readonly sealed: number;
  readonly rebuilt: number;
}

function compareEntries(
  sealed: readonly TarMember[],
  rebuilt: readonly TarMember[],
  files: Files,
): LayerDifference | undefined {
  const before = new Map(sealed.map((member) => [member.path, member]));
  const after = new Map(rebuilt.map((member) => [member.path, member]));
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort(compareBytes);
  for (const path of paths) {
    const one = before.get(path);
    const other = after.get(path);
    if (one === undefined || other === undefined) {
      return { path, field: 'presence', sealed: one?.type ?? 'absent', rebuilt: other?.type ?? 'absent' };
    }
    const difference = compareFields(one, other) ?? compareContent(one, other, files);
    if (difference !== undefined) return { path, ...difference };
  }
  return undefined;
}

type Difference = Omit<LayerDifference, 'path'>;

function compareFields(sealed: TarMember, rebuilt: TarMember): Difference | undefined {
  const fields: readonly (readonly [LayerDifference['field'], (member: TarMember) => string])[] = [
    ['type', (member) => member.type],
    ['target', (member) => member.linkname],
    ['mode', (member) => member.mode.toString(8).padStart(4, '0')],
    ['owner', (member) => `${member.uid}:${member.gid}${member.uname}${member.gname}`],
    ['time', (member) => String(member.mtime)],
    ['size', (member) => String(member.size)],
    [
      'capability',
      (member) => (member.capability === undefined ? 'none' : Buffer.from(member.capability).toString('hex')),
    ],
  ];
  for (const [field, tell] of fields) {
    if (tell(sealed) !== tell(rebuilt)) return { field, sealed: tell(sealed), rebuilt: tell(rebuilt) };
  }
  return undefined;
}

function compareContent(sealed: TarMember, rebuilt: TarMember, files: Files): Difference | undefined {
  const found = firstDifferentByte(files, sealed.offset, rebuilt.offset, sealed.size);
  return found === undefined ? undefined : { field: 'content', ...found };
}

function compareOrder(sealed: readonly TarMember[], rebuilt: readonly TarMember[]): LayerDifference | undefined {
  const index = sealed.findIndex((member, position) => member.path !== rebuilt[position]?.path);
  const [one, other] = [sealed[index], rebuilt[index]];
  if (one === undefined || other === undefined) return undefined;
  return { path: one.path, field: 'order', sealed: `entry ${index}`, rebuilt: `after ${other.path}` };
}

/** Same entries, other bytes: how a header says it, padding, or the end. */
function compareEncoding(sealedTar: string, rebuiltTar: string, files: Files): LayerDifference | undefined {
  const sizes = [statSync(sealedTar).size, statSync(rebuiltTar).size] as const;
  const found = firstDifferentByte(files, 0, 0, Math.min(...sizes));
  if (found !== undefined) return { path: '', field: 'encoding', ...found };
  if (sizes[0] === sizes[1]) return undefined;
  return { path: '', field: 'encoding', sealed: `${sizes[0]} bytes`, rebuilt: `${sizes[1]} bytes` };
}

function firstDifferentByte(
  files: Files,
  sealedOffset: number,
  rebuiltOffset: number,
  length: number,
): { readonly sealed: string; readonly rebuilt: string } | undefined {
  const one = Buffer.allocUnsafe(Math.min(PIECE, length));
  const other = Buffer.allocUnsafe(one.length);
  for (let done = 0; done < length; ) {
    const wanted = Math.min(one.length, length - done);
    const got = readSync(files.sealed, one, 0, wanted, sealedOffset + done);
    const gotOther = readSync(files.rebuilt, other, 0, got, rebuiltOffset + done);
    const both = Math.min(got, gotOther);
    if (both === 0) return undefined;
    if (one.compare(other, 0, both, 0, both) !== 0) {
      let index = 0;
      while (one[index] === other[index]) index++;
      const tell = (byte: number | undefined): string =>
        `0x${(byte ?? 0).toString(16).padStart(2, '0')} at byte ${done + index}`;
      return { sealed: tell(one[index]), rebuilt: tell(other[index]) };
    }
    done += both;
  }
  return undefined;
}

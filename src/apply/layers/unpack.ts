import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { type Compression, decompressToFile } from '../../formats/archive/decompress.ts';
import { readTarIndex, type TarMember } from '../../formats/archive/tar-reader.ts';
import { withZipFile } from '../../formats/archive/zip-file.ts';
import type { UnpackFormat } from '../recipe.ts';
import type { BuildEnvironment } from './builder.ts';
import { mergeUsrPath } from './debian/merged-usr.ts';
import type { FileEntry, LayerEntry } from './entry.ts';

/** No archive of a project is larger; one that inflates further is a bomb. */
const MAX_UNPACKED = 256 * 1024 ** 3;
const MAX_EXTRA = 1024 ** 3;
const MAX_RATIO = 2000;

const COMPRESSION: Readonly<Record<UnpackFormat, Compression>> = {
  tar: 'none',
  'tar.gz': 'gz',
  'tar.xz': 'xz',
  'tar.bz2': 'bz2',
  'tar.zst': 'zst',
  zip: 'none',
  gz: 'gz',
  xz: 'xz',
  bz2: 'bz2',
  zst: 'zst',
};

export interface ArchiveInput {
  /** Where it is unpacked. */
  readonly path: string;
  readonly sha256: Sha256;
  readonly unpack: { readonly format: UnpackFormat; readonly strip: number };
}

/**
 * What an archive puts below a path, each path once. Names that leave the archive, devices, and entries that lie below a link are refused:
 * COGPLAN_ARCHIVE_INVALID, COGPLAN_ARCHIVE_TOO_LARGE, COGPLAN_ZIP_INVALID.
 */
export async function unpackedEntries(
  input: ArchiveInput,
  environment: BuildEnvironment,
): Promise<readonly LayerEntry[]> {
  const blob = await environment.blob(input.sha256);
  if (input.unpack.format === 'zip') return zipEntries(input, blob);
  const file = await inflated(blob, input.unpack.format, input.path, environment);
  return tarEntries(input, file);
}

/** The bytes of a file, or of what a file holds that is compressed by itself. */
export async function unpackedFile(
  input: { readonly path: string; readonly sha256: Sha256; readonly format: UnpackFormat | undefined },
  environment: BuildEnvironment,
): Promise<FileEntry['content']> {
  const blob = await environment.blob(input.sha256);
  const file = input.format === undefined ? blob : await inflated(blob, input.format, input.path, environment);
  return { kind: 'slice', file, offset: 0, length: statSync(file).size };
}

async function inflated(
  blob: string,
  format: UnpackFormat,
  path: string,
  { scratch }: BuildEnvironment,
): Promise<string> {
  const compression = COMPRESSION[format];
  if (compression === 'none') return blob;
  const target = join(scratch, randomBytes(8).toString('hex'));
  const maxBytes = Math.min(MAX_UNPACKED, statSync(blob).size * MAX_RATIO + MAX_EXTRA);
  await decompressToFile({ file: blob, compression, maxBytes, what: `the archive for /${path}` }, target);
  return target;
}

function tarEntries(input: ArchiveInput, file: string): readonly LayerEntry[] {
  const what = `the archive for /${input.path}`;
  const entries = new Map<string, LayerEntry>();
  const bodies = new Map<string, TarMember>();
  for (const member of readTarIndex(file, what)) {
    const body = member.type === 'hardlink' ? bodies.get(member.linkname) : member;
    if (body === undefined) throw refused(what, `${member.path} is a hard link to nothing before it`);
    bodies.set(member.path, body);
    const path = placed(input, member.path);
    if (path === undefined) continue;
    const base = { path, mode: body.mode, uid: 0, gid: 0, origin: path };
    switch (body.type) {
      case 'directory':
        entries.set(path, { ...base, type: 'directory' });
        break;
      case 'symlink':
        entries.set(path, { ...base, mode: 0o777, type: 'symlink', target: body.linkname });
        break;
      default:
        entries.set(path, {
          ...base,
          type: 'file',
          size: body.size,
          content: { kind: 'slice', file, offset: body.offset, length: body.size },
        });
    }
  }
  return [...entries.values()];
}

function zipEntries(input: ArchiveInput, file: string): readonly LayerEntry[] {
  return withZipFile(file, (zip) =>
    zip.entries.flatMap((entry): LayerEntry[] => {
      const path = placed(input, entry.name);
      if (path === undefined) return [];
      const base = { path, uid: 0, gid: 0, origin: path };
      if (entry.type === 'directory') return [{ ...base, mode: entry.mode ?? 0o755, type: 'directory' }];
      const { method, compressedSize, size: length, crc32 } = entry;
      const offset = zip.dataOffset(entry);
      const content = { kind: 'zip', file, offset, compressedSize, method, length, crc32 } as const;
      return [{ ...base, mode: entry.mode ?? 0o644, type: 'file', size: length, content }];
    }),
  );
}

/** Where a member goes once leading segments are taken off; undefined for what is taken off altogether. */
function placed({ path, unpack }: ArchiveInput, name: string): string | undefined {
  const rest = name.split('/').slice(unpack.strip).join('/');
  if (rest === '') return undefined;
  return mergeUsrPath(path === '' ? rest : `${path}/${rest}`, 'other');
}

function refused(what: string, problem: string): CogplanError {
  return new CogplanError('COGPLAN_ARCHIVE_INVALID', `${what}: ${problem}`, { subject: what });
}

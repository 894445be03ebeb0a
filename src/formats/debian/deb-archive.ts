import { type ArMember, readArMembers } from '../archive/ar.ts';
import { archiveError } from '../archive/archive-error.ts';
import { type Compression, decompressToBuffer, decompressToFile } from '../archive/decompress.ts';
import { readTarBuffer } from '../archive/tar-reader.ts';
import { type ControlParagraph, parseSingleControl } from './control.ts';

interface DebMember {
  readonly compression: Compression;
  readonly offset: number;
  readonly size: number;
}

export interface DebArchive {
  readonly control: DebMember;
  readonly data: DebMember;
}

export interface DebControl {
  readonly paragraph: ControlParagraph;
  /** The paragraph's text as shipped: what `/var/lib/dpkg/status` is made of. */
  readonly controlText: string;
  /** Every other regular file of `control.tar` by name: postinst, triggers, conffiles, md5sums, templates, … */
  readonly scripts: ReadonlyMap<string, Buffer>;
  /** Permission bits of those files. */
  readonly modes: ReadonlyMap<string, number>;
}

const MAX_CONTROL = 64 * 1024 * 1024;
/** Of an inflated data member: whatever it is, and for small ones more than files compress to. */
const MAX_DATA = 16 * 1024 ** 3;
const MAX_SMALL_DATA = 64 * 1024 ** 2;
const MAX_RATIO = 200;

/**
 * Where the parts of a .deb lie. Format 2.0 exactly: `debian-binary`, `control.tar*`, `data.tar*` in this order, and nothing
 * after them (deb(5)). Members whose name begins with `_` may stand between, as the format allows.
 */
export function openDeb(file: string, what: string): DebArchive {
  const members = readArMembers(file, what);
  const [version, control, data, ...others] = members.filter(({ name }, index) => index === 0 || !name.startsWith('_'));
  if (version?.name !== 'debian-binary' || version.size !== 4) throw archiveError(what, 'not a .deb of format 2.0');
  if (control === undefined || data === undefined) throw archiveError(what, 'a .deb without control or data member');
  const extra = others[0] ?? (members.at(-1) === data ? undefined : members.at(-1));
  if (extra !== undefined) throw archiveError(what, `a .deb with the further member ${extra.name}`);
  return { control: debMember(control, 'control.tar', what), data: debMember(data, 'data.tar', what) };
}

/** The control member of a .deb: its paragraph and its maintainer scripts. */
export async function readDebControl(file: string, what: string): Promise<DebControl> {
  const { control } = openDeb(file, what);
  const tar = await decompressToBuffer({
    file,
    offset: control.offset,
    length: control.size,
    compression: control.compression,
    maxBytes: MAX_CONTROL,
    what: `${what} (control)`,
  });
  const scripts = new Map<string, Buffer>();
  const modes = new Map<string, number>();
  let controlText: string | undefined;
  for (const member of readTarBuffer(tar, `${what} (control)`)) {
    if (member.type === 'directory' && member.path === '') continue;
    if (member.type !== 'file' || member.path.includes('/')) {
      throw archiveError(what, `the control member holds the ${member.type} ${member.path}`);
    }
    const content = tar.subarray(member.offset, member.offset + member.size);
    if (member.path === 'control') {
      controlText = content.toString('utf8');
    } else {
      scripts.set(member.path, Buffer.from(content));
      modes.set(member.path, member.mode);
    }
  }
  if (controlText === undefined) throw archiveError(what, 'a .deb without control file');
  return { paragraph: parseSingleControl(controlText, `${what} (control)`), controlText, scripts, modes };
}

/** Writes the uncompressed `data.tar` of a .deb to `targetFile`, which must not exist. Returns its size. */
export async function inflateDebData(
  debPath: string,
  targetFile: string,
  options: { readonly what?: string; readonly maxBytes?: number } = {},
): Promise<number> {
  const what = options.what ?? debPath;
  const { data } = openDeb(debPath, what);
  return decompressToFile(
    {
      file: debPath,
      offset: data.offset,
      length: data.size,
      compression: data.compression,
      maxBytes: options.maxBytes ?? Math.min(MAX_DATA, MAX_SMALL_DATA + MAX_RATIO * data.size),
      what: `${what} (data)`,
    },
    targetFile,
  );
}

const COMPRESSIONS: Readonly<Record<string, Compression>> = { '': 'none', '.gz': 'gz', '.xz': 'xz', '.zst': 'zst' };

function debMember(member: ArMember, prefix: string, what: string): DebMember {
  const suffix = member.name.startsWith(prefix) ? member.name.slice(prefix.length) : undefined;
  const compression = suffix === undefined ? undefined : COMPRESSIONS[suffix];
  if (compression === undefined) throw archiveError(what, `the member ${member.name} where ${prefix} must be`);
  return { compression, offset: member.offset, size: member.size };
}

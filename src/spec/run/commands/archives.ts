import { posix } from 'node:path';
import type { UnpackFormat } from '../run-reading.ts';
import { notRead, type Outcome, type Rule, type RunState, splitOptions } from '../run-state.ts';

const TAR_FLAGS = [
  '-x',
  '--extract',
  '--get',
  '-z',
  '--gzip',
  '--gunzip',
  '-j',
  '--bzip2',
  '-J',
  '--xz',
  '--zstd',
  '-a',
  '-v',
  '--verbose',
  '-p',
  '--no-same-owner',
  '--overwrite',
];
const TAR_VALUES = ['-f', '--file', '-C', '--directory', '--strip-components'];

/** What a `tar` unpacks and where; `-` is standard input. A text says why that cannot be told. */
export function readTar(words: readonly string[]):
  | string
  | {
      readonly archive: string;
      readonly directory: string;
      readonly strip: number;
      readonly format: UnpackFormat | undefined;
    } {
  const [first = '', ...rest] = words;
  const given = splitOptions(/^[a-zA-Z]+$/.test(first) ? [`-${first}`, ...rest] : words, TAR_FLAGS, TAR_VALUES);
  if (given.unknown !== undefined) return `tar with ${given.unknown}`;
  if (!['-x', '--extract', '--get'].some((flag) => given.flags.has(flag))) return 'tar that does not unpack';
  if (given.operands.length > 0) return 'tar of single members';
  const strip = Number(given.values.get('--strip-components')?.at(-1) ?? 0);
  if (!Number.isInteger(strip) || strip < 0) return 'tar with an odd number of components';
  const has = (...flags: readonly string[]) => flags.some((flag) => given.flags.has(flag));
  const format = has('-z', '--gzip', '--gunzip')
    ? 'tar.gz'
    : has('-j', '--bzip2')
      ? 'tar.bz2'
      : has('-J', '--xz')
        ? 'tar.xz'
        : has('--zstd')
          ? 'tar.zst'
          : undefined;
  return {
    archive: given.values.get('-f')?.at(-1) ?? given.values.get('--file')?.at(-1) ?? '-',
    directory: given.values.get('-C')?.at(-1) ?? given.values.get('--directory')?.at(-1) ?? '.',
    strip,
    format,
  };
}

/** Puts the content of an archive that is fetched from `url` into a directory. */
export function placeArchive(
  state: RunState,
  input: { readonly url: string; readonly directory: string; readonly format: UnpackFormat; readonly strip: number },
): Outcome {
  const path = state.resolve(input.directory);
  state.place({ path, kind: 'directory', url: input.url, unpack: { format: input.format, strip: input.strip } });
  return { class: 'file', why: `unpacked into ${path}` };
}

export const untar: Rule = (state, { words, output }) => {
  const read = readTar(words);
  if (typeof read === 'string' || output !== undefined)
    return notRead(typeof read === 'string' ? read : 'its list goes to a file');
  const archive = state.at(state.resolve(read.archive));
  if (archive?.url === undefined || archive.unpack !== undefined)
    return notRead(`it unpacks ${read.archive}, which no line before it fetched`);
  const format = formatOf(archive.url, archive.path) ?? read.format;
  if (format === undefined || !format.startsWith('tar'))
    return notRead('the kind of archive is not known from its name');
  if (read.format !== undefined && read.format !== format)
    return notRead(`${archive.path} is not a ${read.format} by its name`);
  return placeArchive(state, { url: archive.url, directory: read.directory, strip: read.strip, format });
};

export const unzip: Rule = (state, { words, output }) => {
  const { unknown, values, operands } = splitOptions(words, ['-o', '-q', '-qq', '-n', '-u'], ['-d']);
  const archive = state.at(state.resolve(operands[0] ?? ''));
  if (unknown !== undefined || output !== undefined || operands.length !== 1)
    return notRead(`unzip with ${unknown ?? 'single members'}`);
  if (archive?.url === undefined || archive.unpack !== undefined)
    return notRead(`it unpacks ${operands[0]}, which no line before it fetched`);
  return placeArchive(state, { url: archive.url, directory: values.get('-d')?.at(-1) ?? '.', strip: 0, format: 'zip' });
};

const SINGLE = { gunzip: 'gz', bunzip2: 'bz2', unxz: 'xz', unzstd: 'zst' } as const;
const DECODERS = { gzip: 'gz', bzip2: 'bz2', xz: 'xz', zstd: 'zst' } as const;

/** `gunzip FILE.gz`, `bzip2 -dk FILE.bz2`, `xz -d FILE.xz`. */
export const decompress: Rule = (state, { name, words, output }) => {
  const { unknown, flags, operands } = splitOptions(
    words,
    ['-d', '--decompress', '-k', '--keep', '-f', '--force', '-v', '-q', '--rm'],
    [],
  );
  const format = name in SINGLE ? SINGLE[name as keyof typeof SINGLE] : DECODERS[name as keyof typeof DECODERS];
  const decodes = name in SINGLE || flags.has('-d') || flags.has('--decompress');
  if (unknown !== undefined || output !== undefined || operands.length !== 1 || !decodes)
    return notRead(`${name} with ${unknown ?? 'other operands'}`);
  const source = state.at(state.resolve(operands[0] ?? ''));
  if (source?.url === undefined || source.unpack !== undefined || !source.path.endsWith(`.${format}`))
    return notRead(`it unpacks ${operands[0]}, which no line before it fetched`);
  const path = source.path.slice(0, -format.length - 1);
  const kept = flags.has('-k') || flags.has('--keep') || (format === 'zst' && !flags.has('--rm'));
  if (!kept) state.remove(source);
  state.place({ path, kind: 'file', url: source.url, unpack: { format, strip: 0 } });
  return { class: 'file', why: `unpacked to ${path}` };
};

/** The kind of archive by the name it was given, else by its URL. */
export function formatOf(...names: readonly string[]): UnpackFormat | undefined {
  for (const name of [...names].reverse()) {
    const base = posix.basename(name.replace(/[?#].*$/, '')).toLowerCase();
    if (/\.(?:tar\.gz|tgz)$/.test(base)) return 'tar.gz';
    if (/\.(?:tar\.bz2|tbz2?)$/.test(base)) return 'tar.bz2';
    if (/\.(?:tar\.xz|txz)$/.test(base)) return 'tar.xz';
    if (/\.(?:tar\.zst|tzst)$/.test(base)) return 'tar.zst';
    if (base.endsWith('.tar')) return 'tar';
    if (base.endsWith('.zip')) return 'zip';
  }
  return undefined;
}

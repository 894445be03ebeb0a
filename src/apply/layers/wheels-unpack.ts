import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { compareBytes } from '../../canonical.ts';
import { bug, CogplanError } from '../../errors.ts';
import type { ZipEntry } from '../../formats/archive/zip.ts';
import { withZipFile, type ZipFile } from '../../formats/archive/zip-file.ts';
import { parseEntryPoints, type ScriptEntryPoint } from '../../formats/python/entry-points.ts';
import { normalizeName } from '../../formats/python/name.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import { parseHeaders } from '../../formats/python/wheel-metadata.ts';
import { formatRecord, parseRecord, type RecordRow, recordHash } from '../../formats/python/wheel-record.ts';
import type { InstallScheme } from '../recipe.ts';
import { RECORD_HINT, recordLies } from './content-reader.ts';
import type { FileEntry } from './entry.ts';

const MAX_METADATA = 64 * 1024 * 1024;
const MAX_SCRIPT = 256 * 1024 * 1024;
const HASH = /^sha(?:256|384|512)=[A-Za-z0-9_-]+$/;
/** Of RECORD: they cannot stand in it. https://packaging.python.org/en/latest/specifications/binary-distribution-format/#signed-wheel-files */
const SIGNATURES = ['RECORD.jws', 'RECORD.p7s'];
const INSTALLER = Buffer.from('cogplan\n');

/**
 * Files of one wheel at the places where installing it puts them, with scripts, INSTALLER and a new RECORD, in no particular order.
 * https://packaging.python.org/en/latest/specifications/binary-distribution-format/#installing-a-wheel-distribution-1-0-py32-none-any-whl
 */
export function unpackWheel(path: string, filename: string, scheme: InstallScheme): readonly FileEntry[] {
  return withZipFile(path, (zip) => new WheelUnpacker(zip, filename, scheme).unpack());
}

/** Content of a file of `unpackWheel`, to compare it with another; the layer's writer checks it. */
export function readWheelFile(entry: FileEntry): Buffer {
  const { content } = entry;
  if (content.kind === 'bytes') return Buffer.from(content.data);
  if (content.kind === 'slice') throw bug('wheels hold no slices');
  const raw = Buffer.alloc(content.compressedSize);
  const descriptor = openSync(content.file, 'r');
  try {
    readSync(descriptor, raw, 0, raw.length, content.offset);
  } finally {
    closeSync(descriptor);
  }
  return content.method === 0 ? raw : inflateRawSync(raw, { maxOutputLength: Math.max(1, content.length) });
}

class WheelUnpacker {
  readonly #zip: ZipFile;
  readonly #filename: string;
  readonly #scheme: InstallScheme;
  readonly #distribution: string;
  readonly #members: ReadonlyMap<string, ZipEntry>;
  readonly #distInfo: string;
  readonly #library: string;
  readonly #files = new Map<string, FileEntry>();
  readonly #rows: RecordRow[] = [];

  constructor(zip: ZipFile, filename: string, scheme: InstallScheme) {
    this.#zip = zip;
    this.#filename = filename;
    this.#scheme = scheme;
    this.#members = new Map(zip.entries.map((entry) => [entry.name, entry]));
    const parsed = parseWheelFilename(filename);
    if (parsed === undefined) throw this.#invalid('its file name is not that of a wheel');
    this.#distribution = parsed.distribution;
    this.#distInfo = this.#findDistInfo();
    this.#library = this.#isPurelib() ? scheme.purelib : scheme.platlib;
  }

  unpack(): readonly FileEntry[] {
    const record = `${this.#distInfo}/RECORD`;
    const rows = this.#readRecord(record);
    const scripts = this.#readScripts();
    const commands = new Set(scripts.map((script) => script.name));
    const installer = `${this.#distInfo}/INSTALLER`;
    for (const entry of this.#zip.entries) {
      if (entry.type === 'directory' || entry.name === record || entry.name === installer) continue;
      const row = rows.get(entry.name);
      if (row === undefined && !SIGNATURES.some((name) => entry.name === `${this.#distInfo}/${name}`))
        throw this.#invalid(`its RECORD does not name ${entry.name}`, RECORD_HINT);
      if (row !== undefined && row.size !== '' && row.size !== String(entry.size))
        throw recordLies({ origin: this.#filename, path: entry.name });
      const place = this.#placeOf(entry.name);
      if (place.isScript && commands.has(place.path.slice(this.#scheme.scripts.length + 1))) continue;
      this.#addMember(entry, place, row === undefined || !HASH.test(row.hash) ? undefined : row.hash);
    }
    for (const script of scripts) {
      this.#addBytes(`${this.#scheme.scripts}/${script.name}`, this.#launcher(script), 0o755);
    }
    this.#addBytes(`${this.#library}/${installer}`, INSTALLER, 0o644);
    this.#addRecord(`${this.#library}/${record}`);
    return [...this.#files.values()];
  }

  #findDistInfo(): string {
    const directories = new Set<string>();
    for (const { name } of this.#zip.entries) {
      const slash = name.indexOf('/');
      if (slash > 0 && name.slice(0, slash).endsWith('.dist-info')) directories.add(name.slice(0, slash));
    }
    const [directory] = directories;
    if (directory === undefined || directories.size > 1) {
      throw this.#invalid(`it has ${directories.size} .dist-info directories, not one`);
    }
    const name = directory.slice(0, -'.dist-info'.length).replace(/-[^-]*$/, '');
    if (normalizeName(name) !== normalizeName(this.#distribution)) {
      throw this.#invalid(`its ${directory} belongs to another distribution`);
    }
    return directory;
  }

  #isPurelib(): boolean {
    const headers = parseHeaders(this.#readMetadata('WHEEL'), this.#filename);
    const value = (name: string): string | undefined => headers.find((header) => header.name === name)?.value;
    const version = value('wheel-version');
    if (version === undefined || !/^1\.[0-9]+$/.test(version)) {
      throw this.#invalid(`its format version ${version ?? '(none)'} is unknown`);
    }
    return value('root-is-purelib')?.toLowerCase() === 'true';
  }

  /** Rows by path. Each names a file of the wheel, or one that an installer makes. */
  #readRecord(record: string): ReadonlyMap<string, RecordRow> {
    const rows = parseRecord(this.#readMetadata('RECORD').toString('utf8'));
    if (rows === undefined) throw this.#invalid('its RECORD is malformed');
    for (const { path, hash } of rows) {
      if (path.startsWith('/') || path.split('/').includes('..'))
        throw this.#invalid(`its RECORD names ${path}, which lies outside of it`, RECORD_HINT);
      if (hash !== '' && !path.endsWith('/') && path !== record && !this.#members.has(path))
        throw this.#invalid(`its RECORD names ${path}, which it does not hold`, RECORD_HINT);
    }
    return new Map(rows.map((row) => [row.path, row]));
  }

  #readScripts(): readonly ScriptEntryPoint[] {
    const entry = this.#members.get(`${this.#distInfo}/entry_points.txt`);
    if (entry === undefined) return [];
    const result = parseEntryPoints(this.#zip.readMember(entry, MAX_METADATA).toString('utf8'));
    if (result.kind === 'invalid') throw this.#invalid(result.reason);
    return result.scripts;
  }

  #readMetadata(file: string): Buffer {
    const entry = this.#members.get(`${this.#distInfo}/${file}`);
    if (entry === undefined) throw this.#invalid(`it has no ${this.#distInfo}/${file}`);
    return this.#zip.readMember(entry, MAX_METADATA);
  }

  #placeOf(name: string): { readonly path: string; readonly isScript: boolean } {
    const data = `${this.#distInfo.slice(0, -'.dist-info'.length)}.data/`;
    if (!name.startsWith(data)) return { path: `${this.#library}/${name}`, isScript: false };
    const [key = '', ...rest] = name.slice(data.length).split('/');
    const root = this.#dataRoot(key);
    if (root === undefined || rest.length === 0) throw this.#invalid(`${name} belongs to no installation directory`);
    return { path: `${root}/${rest.join('/')}`, isScript: key === 'scripts' };
  }

  #dataRoot(key: string): string | undefined {
    switch (key) {
      case 'purelib':
      case 'platlib':
      case 'scripts':
      case 'data':
        return this.#scheme[key];
      case 'headers':
        return `${this.#scheme.headers}/${this.#distribution}`;
      default:
        return undefined;
    }
  }

  #addMember(
    entry: ZipEntry,
    place: { readonly path: string; readonly isScript: boolean },
    hash: string | undefined,
  ): void {
    if (place.isScript) {
      const script = this.#zip.readMember(entry, MAX_SCRIPT);
      if (hash !== undefined && !hasHash(script, hash)) throw recordLies({ origin: this.#filename, path: entry.name });
      const rewritten = rewriteShebang(script, this.#scheme.interpreter);
      if (rewritten !== undefined) {
        this.#addBytes(place.path, rewritten, 0o755);
        return;
      }
    }
    const isExecutable = place.isScript || ((entry.mode ?? 0) & 0o111) !== 0;
    this.#add({
      ...this.#base(place.path, isExecutable ? 0o755 : 0o644),
      size: entry.size,
      content: {
        kind: 'zip',
        file: this.#zip.path,
        offset: this.#zip.dataOffset(entry),
        compressedSize: entry.compressedSize,
        method: entry.method,
        length: entry.size,
        crc32: entry.crc32,
        ...(hash === undefined ? {} : { recorded: hash }),
      },
    });
    this.#addRow(place.path, hash ?? recordHash(this.#zip.readMember(entry, entry.size)), entry.size);
  }

  #addBytes(path: string, data: Buffer, mode: number): void {
    this.#add({ ...this.#base(path, mode), size: data.length, content: { kind: 'bytes', data } });
    this.#addRow(path, recordHash(data), data.length);
  }

  #addRecord(path: string): void {
    const own: RecordRow = { path: posix.relative(this.#library, path), hash: '', size: '' };
    const rows = [...this.#rows, own].sort((a, b) => compareBytes(a.path, b.path));
    const data = Buffer.from(formatRecord(rows));
    this.#add({ ...this.#base(path, 0o644), size: data.length, content: { kind: 'bytes', data } });
  }

  #addRow(path: string, hash: string, size: number): void {
    const inside = path.startsWith(`${this.#library}/`);
    const relative = inside ? path.slice(this.#library.length + 1) : posix.relative(this.#library, path);
    this.#rows.push({ path: relative, hash, size: String(size) });
  }

  #add(file: FileEntry): void {
    if (this.#files.has(file.path)) throw this.#invalid(`two of its files are installed as ${file.path}`);
    this.#files.set(file.path, file);
  }

  #base(path: string, mode: number): Pick<FileEntry, 'type' | 'path' | 'mode' | 'uid' | 'gid' | 'origin'> {
    return { type: 'file', path, mode, uid: 0, gid: 0, origin: this.#filename };
  }

  #launcher({ module, attribute }: ScriptEntryPoint): Buffer {
    const [imported = attribute] = attribute.split('.');
    const lines = [
      `#!${this.#scheme.interpreter}`,
      'import sys',
      '',
      `from ${module} import ${imported}`,
      '',
      'if __name__ == "__main__":',
      `    sys.exit(${attribute}())`,
      '',
    ];
    return Buffer.from(lines.join('\n'));
  }

  #invalid(reason: string, hint?: string): CogplanError {
    return new CogplanError('COGPLAN_WHEEL_INVALID', `${this.#filename} cannot be installed: ${reason}`, {
      subject: this.#filename,
      hint: hint ?? 'Take another version of the package, or build it from its source: --no-binary NAME.',
    });
  }
}

function hasHash(data: Buffer, recorded: string): boolean {
  const [algorithm = ''] = recorded.split('=', 1);
  return createHash(algorithm).update(data).digest('base64url') === recorded.slice(algorithm.length + 1);
}

// `#!python` and `#!pythonw`, with whatever arguments, stand for the interpreter the wheel is installed for.
function rewriteShebang(script: Buffer, interpreter: string): Buffer | undefined {
  if (!script.subarray(0, 8).equals(Buffer.from('#!python'))) return undefined;
  const end = script.indexOf(0x0a);
  return Buffer.concat([Buffer.from(`#!${interpreter}\n`), end === -1 ? Buffer.alloc(0) : script.subarray(end + 1)]);
}

import { closeSync, openSync, readSync } from 'node:fs';
import { CogplanError } from '../../errors.ts';
import { readTarIndex } from '../../formats/archive/tar-reader.ts';
import type { InstallScheme } from '../recipe.ts';
import type { ModuleSource } from './bytecode-compiler.ts';
import type { LayerEntry } from './entry.ts';
import { readWheelFile, unpackWheel } from './wheels-unpack.ts';

/** Larger text is no module that anybody wrote. */
const MAX_SOURCE = 32 * 1024 * 1024;

/** The modules of the wheel at `path`, at the places where its layer puts them. */
export function modulesOfWheel(path: string, filename: string, scheme: InstallScheme): readonly ModuleSource[] {
  return unpackWheel(path, filename, scheme)
    .filter((entry) => isModulePath(entry.path) && entry.size <= MAX_SOURCE)
    .map((entry) => ({ path: `/${entry.path}`, read: () => readWheelFile(entry) }));
}

/**
 * The modules of a .deb that the interpreter `version` (`python3.11`) imports: its standard library, and Debian's directory for
 * modules of every Python 3.
 */
export function modulesOfDeb(dataTar: string, version: string, what: string): readonly ModuleSource[] {
  const directories = [`usr/lib/${version}/`, 'usr/lib/python3/dist-packages/'];
  return readTarIndex(dataTar, what).flatMap(({ type, path, size, offset }) => {
    if (type !== 'file' || !isModulePath(path) || size > MAX_SOURCE) return [];
    if (!directories.some((directory) => path.startsWith(directory))) return [];
    return [{ path: `/${path}`, read: () => readSlice(dataTar, offset, size) }];
  });
}

/** The modules among plain files. */
export function modulesOfEntries(entries: readonly LayerEntry[]): readonly ModuleSource[] {
  return entries.flatMap((entry) => {
    if (entry.type !== 'file' || entry.content.kind !== 'slice') return [];
    if (!isModulePath(entry.path) || entry.size > MAX_SOURCE) return [];
    const { file, offset, length } = entry.content;
    return [{ path: `/${entry.path}`, read: () => readSlice(file, offset, length) }];
  });
}

function isModulePath(path: string): boolean {
  return path.endsWith('.py');
}

function readSlice(file: string, offset: number, length: number): Buffer {
  const data = Buffer.allocUnsafe(length);
  const descriptor = openSync(file, 'r');
  try {
    for (let done = 0; done < length; ) {
      const got = readSync(descriptor, data, done, length - done, offset + done);
      if (got === 0)
        throw new CogplanError('COGPLAN_CONTENT_CHANGED', `${file} became shorter while it was read`, {
          subject: file,
        });
      done += got;
    }
  } finally {
    closeSync(descriptor);
  }
  return data;
}

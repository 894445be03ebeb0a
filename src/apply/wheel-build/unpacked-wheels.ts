import {
  chmodSync,
  closeSync,
  copyFileSync,
  fchmodSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { sha256 } from '../../digest.ts';
import { bug } from '../../errors.ts';
import { warn, withSpan } from '../../events.ts';
import { ContentReader } from '../layers/content-reader.ts';
import type { FileEntry, LayerEntry } from '../layers/entry.ts';
import { buildWheelsLayer } from '../layers/wheels.ts';
import { unpackWheel } from '../layers/wheels-unpack.ts';
import type { InstallScheme, WheelInput } from '../recipe.ts';

/** Wheels side by side, to be put below a directory that does not exist yet. */
export interface WheelsToInstall {
  readonly scheme: InstallScheme;
  /** In the store, and verified. */
  readonly wheels: readonly WheelInput[];
  readonly directory: string;
}

/**
 * Installs the same wheels into one directory after another at the cost of unpacking each once: what a project is built with may be
 * gigabytes (torch and the libraries of CUDA). Installed files share their bytes and must not be written to.
 */
export interface UnpackedWheels {
  /** Paths, contents and modes are those of a layer of wheels; the errors are those of building one. */
  install(context: Context, request: WheelsToInstall): Promise<void>;
  /** Removes what was unpacked. Directories that were installed into stay whole. */
  close(): Promise<void>;
}

/** Takes room below the store's `tmp/` when the first wheel is installed, and keeps it until it is closed. */
export function openUnpackedWheels({ store }: Pick<Context, 'store'>): UnpackedWheels {
  let room: ReturnType<typeof store.scratch> | undefined;
  let closed = false;
  const unpacked = new Map<string, Promise<string>>();

  const unpackOnce = (context: Context, wheel: WheelInput, scheme: InstallScheme): Promise<string> => {
    const key = sha256(canonicalJson({ wheel: { ...wheel }, scheme: { ...scheme } }));
    const known = unpacked.get(key);
    if (known !== undefined) return known;
    room ??= store.scratch('wheels');
    const work = room.then(async ({ path }) => {
      const directory = join(path, key);
      await unpackInto(directory, unpackWheel(store.blobPath(wheel.sha256), wheel.filename, scheme), context.signal);
      return directory;
    });
    unpacked.set(key, work);
    // What was interrupted is tried again by whoever asks next.
    work.catch(() => unpacked.delete(key));
    return work;
  };

  return {
    install: async (context, { scheme, wheels, directory }) => {
      if (closed) throw bug('the unpacked wheels were closed');
      const entries = await buildWheelsLayer(
        { kind: 'wheels', assembler: 1, scheme, wheels },
        {
          blob: async (hash) => store.blobPath(hash),
          debData: () => Promise.reject(bug('wheels hold no .deb')),
          scratch: directory,
          warn: (code, text) => warn(context.host, code, text),
        },
      );
      await withSpan(context.host, 'build.unpack', 'Unpacking what the build needs', async () => {
        const places = new Map<string, string>();
        for (const wheel of wheels) places.set(wheel.filename, await unpackOnce(context, wheel, scheme));
        linkInto(directory, entries, places);
      });
    },
    close: async () => {
      closed = true;
      await Promise.allSettled(unpacked.values());
      unpacked.clear();
      await (await room?.catch(() => undefined))?.dispose();
    },
  };
}

/** Writes the files of one wheel, checked against its RECORD. Nothing is left of a wheel that fails. */
async function unpackInto(directory: string, files: readonly FileEntry[], signal: AbortSignal): Promise<void> {
  const contents = new ContentReader();
  const made = new Set<string>();
  try {
    for (const file of files) {
      signal.throwIfAborted();
      const path = join(directory, file.path);
      const parent = dirname(path);
      if (!made.has(parent)) mkdirSync(parent, { recursive: true, mode: 0o755 });
      made.add(parent);
      await writeFile(path, file, contents);
    }
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  } finally {
    contents.close();
  }
}

async function writeFile(path: string, file: FileEntry, contents: ContentReader): Promise<void> {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    await contents.copy(file, {
      write: async (chunk) => {
        for (let sent = 0; sent < chunk.length; ) sent += writeSync(descriptor, chunk, sent);
      },
    });
    fchmodSync(descriptor, file.mode);
  } finally {
    closeSync(descriptor);
  }
}

/** Puts the entries, which come with their directories before them, below `directory`. */
function linkInto(directory: string, entries: readonly LayerEntry[], places: ReadonlyMap<string, string>): void {
  mkdirSync(directory, { mode: 0o755 });
  chmodSync(directory, 0o755);
  for (const { type, path, origin } of entries) {
    const target = join(directory, path);
    if (type === 'directory') {
      mkdirSync(target);
      chmodSync(target, 0o755);
    } else {
      linkOrCopy(join(places.get(origin) ?? '', path), target);
    }
  }
}

/** Some file systems know no hard links, or not so many of one file. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV'].includes(code)) throw error;
    copyFileSync(from, to);
  }
}

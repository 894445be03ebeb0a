import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { unpackRoot } from '../apply/sandbox/root.ts';
import { mergeTars } from '../apply/sandbox/root-tree.ts';
import type { Bind, SandboxRequest } from '../apply/sandbox/sandbox.ts';
import { writeTree } from '../apply/sandbox/write-tree.ts';
import type { Context } from '../context.ts';
import type { Sha256 } from '../digest.ts';
import { readTarIndex } from '../formats/archive/tar-reader.ts';
import type { RunnableImage } from './image.ts';
import { addLowerFiles } from './lower-files.ts';

export interface ContainerOptions {
  readonly network: 'none' | 'host';
  /** Variables on top of the image's own. */
  readonly env: Readonly<Record<string, string>>;
  readonly gpus?: string | undefined;
  /** The project itself, to be read and written, in place of a private copy of what the image holds of it. */
  readonly project?: string | undefined;
  /** Binds on top of the container's own. */
  readonly binds?: readonly Bind[] | undefined;
  /** Let what is written to the places that no run leaves behind lie on disk, where it can be looked at before `dispose`. */
  readonly keepWritten?: boolean | undefined;
}

/** A root file system and everything else that a sandbox needs to run an image. */
export interface Container {
  readonly request: SandboxRequest;
  /** A directory that both sides see: `host` here, `guest` in the sandbox. For sockets, so its path here is short. */
  readonly shared: { readonly host: string; readonly guest: string };
  /** Directories that the run writes to, as far as they lie on disk. */
  readonly written: readonly { readonly host: string; readonly guest: string }[];
  /** Removes what the run wrote. */
  dispose(): Promise<void>;
}

const SOURCE = 'src';
const SHARED = '/run/cogplan';
/** Where programs expect to write, and what no run leaves behind. */
const WRITABLE = ['/tmp', '/run', '/root', '/var/tmp'];
/** Those of them that are looked at. */
const LOOKED_AT = ['/tmp', '/root', '/var/tmp'];
/** Processor and memory topology, which numeric libraries read; nothing else of `/sys`. */
const TOPOLOGY = '/sys/devices/system';
/** Longest path of a Unix socket, less its name in the shared directory. */
const MAX_SHARED_PATH = 80;

/**
 * Lays an image out to be run: its layers unpacked once into the store and shared by all runs, its project directory as a private copy that the run may
 * write to, memory file systems where programs write, the host's names and resolver when it has the host's network.
 */
export async function prepareContainer(
  context: Context,
  image: RunnableImage,
  { network, env, gpus, project, binds: more = [], keepWritten = false }: ContainerOptions,
): Promise<Container> {
  const { environment, source } = await splitSource(context, image.layers);
  const root = await unpackRoot(
    context,
    environment.map((diffId) => ({ diffId })),
  );
  const scratch = await context.store.scratch('run');
  const shared = await makeShared(scratch.path);
  const dispose = async (): Promise<void> => {
    await scratch.dispose();
    await rm(shared, { recursive: true, force: true });
  };
  try {
    const binds: Bind[] = [{ host: shared, guest: SHARED, writable: true }, ...more];
    const written: { host: string; guest: string }[] = [];
    if (existsSync(TOPOLOGY)) binds.push({ host: TOPOLOGY, guest: TOPOLOGY, writable: false });
    if (network === 'host') {
      for (const file of ['/etc/resolv.conf', '/etc/hosts']) {
        if (existsSync(file)) binds.push({ host: file, guest: file, writable: false });
      }
    }
    if (project !== undefined) binds.push({ host: project, guest: `/${SOURCE}`, writable: true });
    else if (source !== undefined) {
      const copy = await copySource(context, source, scratch.path);
      const lower = await addLowerFiles(join(root, SOURCE), copy, `/${SOURCE}`);
      binds.push({ host: copy, guest: `/${SOURCE}`, writable: true }, ...lower);
      written.push({ host: copy, guest: `/${SOURCE}` });
    }
    for (const guest of WRITABLE) {
      const isFilled = guest !== '/tmp' && guest !== '/run' && (await holdsFiles(join(root, guest)));
      if (!isFilled && !(keepWritten && LOOKED_AT.includes(guest))) continue;
      const host = join(scratch.path, 'writable', guest);
      await mkdir(host, { recursive: true });
      binds.push(
        { host, guest, writable: true },
        ...(isFilled ? await addLowerFiles(join(root, guest), host, guest) : []),
      );
      written.push({ host, guest });
    }
    const bound = new Set(binds.map(({ guest }) => guest));
    return {
      request: {
        root,
        argv: image.argv,
        env: { HOME: '/root', ...image.env, ...env },
        cwd: image.workdir === '' ? '/' : image.workdir,
        binds,
        tmpfs: [...WRITABLE.filter((path) => !bound.has(path)), '/sys'],
        network,
        gpus,
        init: basename(image.argv[0]) === 'tini',
      },
      shared: { host: shared, guest: SHARED },
      written,
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What the image has at a place that programs write to, such as weights below /root/.cache, is there to be read. */
async function holdsFiles(directory: string): Promise<boolean> {
  const items = await readdir(directory).catch(() => []);
  return items.some((name) => !['.bashrc', '.profile'].includes(name));
}

/** The top layer apart, if it holds nothing but the project: then an edited line does not unpack the whole image again. */
async function splitSource(
  context: Context,
  layers: readonly Sha256[],
): Promise<{ readonly environment: readonly Sha256[]; readonly source: Sha256 | undefined }> {
  const top = layers.at(-1);
  if (top === undefined) return { environment: [], source: undefined };
  const members = readTarIndex(await context.store.verified(top, undefined, 'the top layer'), `layer sha256:${top}`);
  const isSource = members.every(({ path }) => path === '' || path === SOURCE || path.startsWith(`${SOURCE}/`));
  return isSource ? { environment: layers.slice(0, -1), source: top } : { environment: layers, source: undefined };
}

async function copySource(context: Context, layer: Sha256, scratch: string): Promise<string> {
  const tar = { file: context.store.blobPath(layer), what: `layer sha256:${layer}` };
  await writeTree(mergeTars([tar], { usrMerge: false }), scratch, context.signal);
  const path = join(scratch, SOURCE);
  await mkdir(path, { recursive: true });
  return path;
}

async function makeShared(scratch: string): Promise<string> {
  const inScratch = join(scratch, 'shared');
  if (Buffer.byteLength(inScratch) <= MAX_SHARED_PATH) {
    await mkdir(inScratch);
    return inScratch;
  }
  const temporary = Buffer.byteLength(tmpdir()) <= MAX_SHARED_PATH - 20 ? tmpdir() : '/tmp';
  return mkdtemp(join(temporary, 'cogplan-'));
}

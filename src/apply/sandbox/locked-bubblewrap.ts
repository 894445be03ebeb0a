import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../../context.ts';
import type { Sha256 } from '../../digest.ts';
import { inflateDebData } from '../../formats/debian/deb-archive.ts';
import type { Tool } from '../../lock/schema.generated.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import { storeDerivations } from '../layers/derivations.ts';
import type { BubblewrapProgram } from './bubblewrap.ts';
import { unpackDebs } from './root.ts';

interface Machine {
  readonly host: string;
  readonly triplet: string;
  readonly loader: string;
}

const MACHINES: Readonly<Record<string, Machine>> = {
  x64: { host: 'linux/amd64', triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { host: 'linux/arm64', triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};

const MAX_DATA = 256 * 1024 * 1024;

/**
 * bubblewrap from the locked .debs of this machine, unpacked once into the store; undefined when the lock has none. It is started through the
 * loader of its own libc: the interpreter that its ELF header names is the host's, which may be another libc or absent.
 */
export async function lockedBubblewrap(
  context: Context,
  tools: readonly Tool[],
): Promise<BubblewrapProgram | undefined> {
  const machine = MACHINES[process.arch];
  const debs = tools.filter((tool) => tool.host === machine?.host && new URL(tool.file.url).pathname.endsWith('.deb'));
  const main = debs.find((tool) => tool.name === 'bubblewrap');
  if (machine === undefined || main === undefined) return undefined;
  await fetchArtifacts(
    context,
    debs.map(({ name, version, file }) => ({ file, what: `${name} ${version}` })),
  );
  const scratch = await context.store.scratch('sandbox-tools');
  try {
    const tree = debs.map(({ name, version, file }) => ({ name, version, sha256: file.sha256 }));
    const root = await unpackDebs({
      debs: tree,
      debData: (hash) => inflate(context, hash, scratch.path),
      derive: storeDerivations(context.store),
      signal: context.signal,
    });
    const libraries = join(root, 'usr/lib', machine.triplet);
    return {
      argv: [
        join(libraries, machine.loader),
        '--inhibit-cache',
        '--library-path',
        [libraries, join(root, 'usr/lib')].filter(existsSync).join(':'),
        join(root, 'usr/bin/bwrap'),
      ],
      name: `the locked bubblewrap ${main.version}`,
    };
  } finally {
    await scratch.dispose();
  }
}

async function inflate(context: Context, hash: Sha256, directory: string): Promise<string> {
  const target = join(directory, `${hash}.tar`);
  await inflateDebData(await context.store.verified(hash, undefined, `tool ${hash}`), target, { maxBytes: MAX_DATA });
  return target;
}

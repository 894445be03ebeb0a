import { execFile } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { CogplanError, type Where, withoutUserInfo } from '../../errors.ts';
import type { File, GitTree } from '../../lock/schema.generated.ts';
import { type Artifact, fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import { checkoutCommit } from '../../sources/git/checkout.ts';
import { type LfsPointer, locateLfsObjects, parseLfsPointer } from '../../sources/git/lfs-objects.ts';
import type { LayerEntry } from '../layers/entry.ts';
import { writeLayer } from '../layers/write-layer.ts';

export interface GitTreeRequest {
  /** May hold credentials. */
  readonly url: string;
  readonly ref?: string;
  readonly submodules?: true;
  readonly lfs?: false;
  readonly where?: Where;
}

export interface FetchedTree {
  readonly git: GitTree;
  /** The tree as a tar in the store: without `.git`, sorted, two modes, one time, no owners. */
  readonly file: File;
}

const POINTER_BYTES = 1024;

/**
 * Fetches the tree of a commit. Submodules are left out unless asked for; files that LFS holds are fetched by the hash that git holds of them, unless pointers are asked for. The same
 * commit gives the same bytes on every machine. Errors: those of `checkoutCommit`, `fetchArtifacts`, COGPLAN_GIT_FAILED.
 */
export async function fetchGitTree(context: Context, request: GitTreeRequest): Promise<FetchedTree> {
  const { url, ref, submodules, lfs, where } = request;
  const shown = withoutUserInfo(url);
  const scratch = await context.store.scratch('git-tree');
  try {
    const directory = join(scratch.path, 'tree');
    const { commit } = await checkoutCommit(
      context,
      { url, ...(ref === undefined ? {} : { ref }), ...(where === undefined ? {} : { where }) },
      directory,
    );
    const tree = (await git(directory, 'rev-parse', 'HEAD^{tree}')).trim();
    const skipped = submodules === true ? new Set<string>() : await submodulePaths(directory);
    const entries = listTree(directory, skipped, shown);
    const pointers = lfs === false ? [] : pointersOf(entries);
    await fetchArtifacts(
      context,
      pointers.length === 0
        ? []
        : await locateLfsObjects(
            context,
            url,
            pointers.map(({ pointer }) => pointer),
          ),
    );
    const held = new Map(pointers.map(({ entry, pointer }) => [entry, pointer]));
    const smudged = entries.map((entry): LayerEntry => {
      const pointer = held.get(entry);
      if (pointer === undefined || entry.type !== 'file') return entry;
      const content = {
        kind: 'slice',
        file: context.store.blobPath(pointer.sha256),
        offset: 0,
        length: pointer.size,
      } as const;
      return { ...entry, size: pointer.size, content };
    });
    const { diffId, size } = await writeLayer(smudged, context.store, context.signal);
    return {
      git: {
        url: shown,
        ...(ref === undefined ? {} : { ref }),
        commit,
        tree,
        ...(submodules === true ? { submodules } : {}),
        ...(lfs === false ? { lfs } : {}),
      },
      file: { url: `git+${shown}@${commit}`, sha256: diffId, size, computed: true },
    };
  } finally {
    await scratch.dispose();
  }
}

/** Fetches a locked tree again. COGPLAN_HASH_MISMATCH, naming both hashes, when the commit gives other bytes. */
export async function refetchGitTree(context: Context, locked: GitTree, { file, what }: Artifact): Promise<void> {
  const { url, commit, submodules, lfs } = locked;
  const { file: got } = await fetchGitTree(context, {
    url,
    ref: commit,
    ...(submodules === true ? { submodules } : {}),
    ...(lfs === false ? { lfs } : {}),
  });
  if (got.sha256 === file.sha256) return;
  throw new CogplanError(
    'COGPLAN_HASH_MISMATCH',
    `${what} from ${file.url}: expected sha256 ${file.sha256}, got ${got.sha256}`,
    {
      subject: what,
      hint: 'A submodule or an LFS object is another one now. Run `cogplan lock --refresh` to lock what is there.',
      data: {
        expected: { sha256: file.sha256, size: file.size },
        actual: { sha256: got.sha256, size: got.size },
        url: file.url,
      },
    },
  );
}

/** Paths of the tree that are commits of other repositories. */
async function submodulePaths(directory: string): Promise<ReadonlySet<string>> {
  const listed = await git(directory, 'ls-tree', '-r', '-z', 'HEAD');
  return new Set(
    listed.split('\0').flatMap((line) => (line.startsWith('160000 ') ? [line.slice(line.indexOf('\t') + 1)] : [])),
  );
}

async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH, LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  const { stdout } = await promisify(execFile)('git', args, { cwd, env, maxBuffer: 256 * 1024 * 1024 });
  return stdout;
}

function listTree(directory: string, skipped: ReadonlySet<string>, what: string): readonly LayerEntry[] {
  const entries: LayerEntry[] = [];
  const visit = (relative: string): void => {
    for (const name of readdirSync(join(directory, relative))) {
      if (name === '.git') continue;
      const path = relative === '' ? name : `${relative}/${name}`;
      const absolute = join(directory, path);
      const stat = lstatSync(absolute);
      const base = { path, uid: 0, gid: 0, origin: what } as const;
      if (stat.isDirectory()) {
        entries.push({ ...base, type: 'directory', mode: 0o755 });
        if (!skipped.has(path)) visit(path);
      } else if (stat.isSymbolicLink()) {
        entries.push({ ...base, type: 'symlink', mode: 0o777, target: readlinkSync(absolute) });
      } else if (stat.isFile()) {
        const mode = (stat.mode & 0o111) === 0 ? 0o644 : 0o755;
        const content = { kind: 'slice', file: absolute, offset: 0, length: stat.size } as const;
        entries.push({ ...base, type: 'file', mode, size: stat.size, content });
      }
    }
  };
  visit('');
  return entries.sort((a, b) => compareBytes(a.path, b.path));
}

function pointersOf(
  entries: readonly LayerEntry[],
): readonly { readonly entry: LayerEntry; readonly pointer: LfsPointer }[] {
  return entries.flatMap((entry) => {
    if (entry.type !== 'file' || entry.size > POINTER_BYTES || entry.content.kind !== 'slice') return [];
    const pointer = parseLfsPointer(readFileSync(entry.content.file, 'utf8'), entry.path);
    return pointer === undefined ? [] : [{ entry, pointer }];
  });
}

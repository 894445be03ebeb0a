import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import type { BlobInfo } from '../../store/store.ts';
import type { LayerEntry } from '../layers/entry.ts';
import { writeLayer } from '../layers/write-layer.ts';

/** What building and versioning leave behind: no part of a source. */
const LEFT_OUT = new Set([
  'cogplan.lock',
  '.cogplan',
  '.git',
  '.hg',
  '.svn',
  '.tox',
  '.nox',
  '.venv',
  '__pycache__',
  '.mypy_cache',
  '.pytest_cache',
]);

/**
 * A source tree as one tar in the store: sorted, two modes, one time, no owners, so that equal trees have equal bytes wherever they were checked out. Links that lead out of the tree are
 * COGPLAN_BUILD_SOURCE.
 */
export async function packTree(
  context: Context,
  { directory, what }: { readonly directory: string; readonly what: string },
): Promise<BlobInfo> {
  const entries: LayerEntry[] = [];
  const visit = (relative: string): void => {
    for (const name of readdirSync(join(directory, relative)).sort(compareBytes)) {
      if (LEFT_OUT.has(name) || name.endsWith('.egg-info') || (relative === '' && name === 'build')) continue;
      const path = relative === '' ? name : `${relative}/${name}`;
      const absolute = join(directory, path);
      const stat = lstatSync(absolute);
      const base = { path, uid: 0, gid: 0, origin: what } as const;
      if (stat.isDirectory()) {
        entries.push({ ...base, type: 'directory', mode: 0o755 });
        visit(path);
      } else if (stat.isSymbolicLink()) {
        const target = readlinkSync(absolute);
        if (posix.isAbsolute(target) || posix.join(posix.dirname(path), target).startsWith('..')) {
          throw refused(what, `${path} is a link that leads out of the source`);
        }
        entries.push({ ...base, type: 'symlink', mode: 0o777, target });
      } else if (stat.isFile()) {
        const mode = (stat.mode & 0o111) === 0 ? 0o644 : 0o755;
        const content = { kind: 'slice', file: absolute, offset: 0, length: stat.size } as const;
        entries.push({ ...base, type: 'file', mode, size: stat.size, content });
      } else {
        throw refused(what, `${path} is neither file nor directory nor link`);
      }
    }
  };
  visit('');
  entries.sort((a, b) => compareBytes(a.path, b.path));
  const { diffId, size } = await writeLayer(entries, context.store, context.signal);
  return { sha256: diffId, size };
}

function refused(what: string, problem: string): CogplanError {
  return new CogplanError('COGPLAN_BUILD_SOURCE', `${what} cannot be built: ${problem}`, {
    subject: what,
    hint: 'Leave it out of the source.',
  });
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { refetchGitTree } from '../../apply/git-tree/git-tree.ts';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import { readTarIndex } from '../../formats/archive/tar-reader.ts';
import type { PlacedFile } from '../../lock/schema.generated.ts';
import { joinRequirements } from '../../spec/join-requirements.ts';
import { Problems } from '../../spec/problems.ts';
import { withoutDeps } from '../../spec/read-installed.ts';
import { readRequirements } from '../../spec/read-requirements.ts';
import type { Requirements, Spec } from '../../spec/spec.ts';
import { gitSourceOf } from './git-trees.ts';
import { readSlice } from './read-slice.ts';

const MOST_BYTES = 4 * 1024 * 1024;

/** A spec whose requirements hold those of files in git trees, such as `pip install -r CLONE/requirements.txt` names. */
export async function withTreeRequirements(context: Context, spec: Spec, files: readonly PlacedFile[]): Promise<Spec> {
  let { requirements } = spec;
  for (const { git, path, where, noDeps } of spec.runReading.treeRequirements) {
    const address = canonicalJson({ ...gitSourceOf(git) });
    const placed = files.find(
      (item) => item.git !== undefined && canonicalJson({ ...gitSourceOf(item.git) }) === address,
    );
    if (placed?.file === undefined || placed.git === undefined) continue;
    if ((await context.store.stat(placed.file.sha256)) === undefined) {
      await refetchGitTree(context, placed.git, { file: placed.file, what: placed.path });
    }
    const tar = await context.store.verified(placed.file.sha256, placed.file.size, path);
    const read = await readTreeFile(context, { tar, path, where });
    requirements = joinRequirements(requirements, noDeps === true ? withoutDeps(read) : read);
  }
  return requirements === spec.requirements ? spec : { ...spec, requirements };
}

interface TreeFile {
  readonly tar: string;
  readonly path: string;
  readonly where: Spec['pythonVersion']['where'];
}

/** The text files of the tree are laid out, so that what the file includes is found. */
async function readTreeFile(context: Context, { tar, path, where }: TreeFile): Promise<Requirements> {
  const members = readTarIndex(tar, path).filter(
    (item) => item.type === 'file' && /\.(?:txt|in)$/.test(item.path) && item.size <= MOST_BYTES,
  );
  if (!members.some((item) => item.path === path)) {
    throw new CogplanError('COGPLAN_REQUIREMENTS_FILE', `the tree has no file ${path}`, { subject: path, where });
  }
  const scratch = await context.store.scratch('requirements');
  try {
    for (const member of members) {
      const target = join(scratch.path, member.path);
      await mkdir(join(target, '..'), { recursive: true });
      await writeFile(target, readSlice(tar, member.offset, member.size), { flag: 'wx' });
    }
    const problems = new Problems();
    const read = await readRequirements(scratch.path, { kind: 'file', path, where }, { problems, notices: [] });
    problems.throwIfAny();
    return read;
  } finally {
    await scratch.dispose();
  }
}

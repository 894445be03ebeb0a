import type { Context } from '../../context.ts';
import { isSha256, type Sha256 } from '../../digest.ts';
import { CogplanError, withoutUserInfo } from '../../errors.ts';
import type { Artifact } from '../fetch-artifacts.ts';

export interface LfsPointer {
  readonly sha256: Sha256;
  readonly size: number;
  /** Path in the tree, for messages. */
  readonly path: string;
}

/** What each pointer begins with. */
export const LFS_POINTER_START = 'version https://git-lfs.github.com/spec/v1\n';

const TYPE = 'application/vnd.git-lfs+json';
const AT_ONCE = 100;

/** A file that LFS holds, by the text that git holds in its place. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
export function parseLfsPointer(text: string, path: string): LfsPointer | undefined {
  if (!text.startsWith(LFS_POINTER_START)) return undefined;
  const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
  const size = /^size (\d{1,15})$/m.exec(text)?.[1];
  return oid === undefined || size === undefined || !isSha256(oid)
    ? undefined
    : { sha256: oid, size: Number(size), path };
}

/** Where the objects of pointers can be fetched now. COGPLAN_GIT_FAILED when the server lacks one. https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md */
export async function locateLfsObjects(
  context: Context,
  url: string,
  pointers: readonly LfsPointer[],
): Promise<readonly Artifact[]> {
  const found: Artifact[] = [];
  for (let start = 0; start < pointers.length; start += AT_ONCE) {
    found.push(...(await askBatch(context, url, pointers.slice(start, start + AT_ONCE))));
  }
  return found;
}

async function askBatch(context: Context, url: string, pointers: readonly LfsPointer[]): Promise<readonly Artifact[]> {
  const server = `${url.replace(/\/+$/, '').replace(/(?:\.git)?$/, '.git')}/info/lfs/objects/batch`;
  const objects = pointers.map(({ sha256, size }) => ({ oid: sha256, size }));
  const answer = await context.http.send(server, {
    method: 'POST',
    headers: { accept: TYPE, 'content-type': TYPE },
    body: () =>
      Buffer.from(JSON.stringify({ operation: 'download', transfers: ['basic'], objects, hash_algo: 'sha256' })),
    signal: context.signal,
  });
  const hrefs = new Map(readObjects(answer.body.toString('utf8')));
  return pointers.map(({ sha256, size, path }) => {
    const href = hrefs.get(sha256);
    if (href === undefined || !/^https?:\/\//.test(href)) {
      throw new CogplanError('COGPLAN_GIT_FAILED', `${withoutUserInfo(url)} has no LFS object ${sha256} for ${path}`, {
        subject: path,
        hint: 'The repository is incomplete. GIT_LFS_SKIP_SMUDGE=1 before git clone leaves pointers in place of such files.',
      });
    }
    return { file: { url: href, sha256, size }, what: `${path} (LFS)` };
  });
}

function readObjects(text: string): readonly (readonly [string, string])[] {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return [];
  }
  const objects = (answer as { objects?: unknown } | null)?.objects;
  if (!Array.isArray(objects)) return [];
  return objects.flatMap((item: { oid?: unknown; actions?: { download?: { href?: unknown } } } | null) => {
    const href = item?.actions?.download?.href;
    return typeof item?.oid === 'string' && typeof href === 'string' ? [[item.oid, href] as const] : [];
  });
}

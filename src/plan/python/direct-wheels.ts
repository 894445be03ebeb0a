import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from '../../context.ts';
import { type Sha256, sha256, toDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { expandUserInfo } from '../../formats/python/user-info-variables.ts';
import { projectUrl } from '../../lock/project-url.ts';
import type { CompileOutcome } from '../../sources/uv/compile.ts';
import type { CompiledFile } from '../../sources/uv/pylock.ts';
import type { Root } from './roots.ts';

/** A wheel that a requirement names by its place. */
export type DirectWheel =
  /** The URL may hold user info, which is for requests only. */
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'path'; readonly directory: string; readonly path: string; readonly sha256: Sha256 };

interface FetchedWheel extends CompiledFile {
  readonly sha256: Sha256;
  readonly size: number;
}

/**
 * Asks the resolver with the wheels that requirements name by place: they are brought into the store, which is where it reads
 * them, and the answer names them as the lock will: by URL, or by path in the project (`project:wheels/x.whl`). So they are fetched once,
 * and not at all when the store has them. COGPLAN_WHEEL_HASH_REFUSED when the bytes are not those of the requirement's hash.
 */
export async function withDirectWheels(
  context: Context,
  roots: readonly Root[],
  ask: (roots: readonly Root[]) => Promise<CompileOutcome>,
): Promise<CompileOutcome> {
  if (!roots.some(({ wheel }) => wheel !== undefined)) return ask(roots);
  const scratch = await context.store.scratch('wheels');
  const linked: { readonly sha256: Sha256; readonly path: string }[] = [];
  try {
    const byPlace = new Map<string, FetchedWheel>();
    const given: Root[] = [];
    for (const [at, root] of roots.entries()) {
      if (root.wheel === undefined) {
        given.push(root);
        continue;
      }
      const fetched = await fetchDirectWheel(context, root, root.wheel);
      const folder = join(scratch.path, String(at));
      await mkdir(folder);
      const path = join(folder, fetched.filename);
      await context.store.link(fetched.sha256, path);
      linked.push({ sha256: fetched.sha256, path });
      const place = pathToFileURL(path).href;
      byPlace.set(place, fetched);
      const { name, extras } = root.requirement;
      given.push({ ...root, text: `${name}${extras.length === 0 ? '' : `[${extras.join(',')}]`} @ ${place}` });
    }
    const outcome = await ask(given);
    if (outcome.kind !== 'resolved') return outcome;
    const real = (file: CompiledFile): CompiledFile => byPlace.get(pathOf(file.url)) ?? file;
    return { ...outcome, packages: outcome.packages.map((item) => ({ ...item, files: item.files.map(real) })) };
  } finally {
    for (const { sha256: hash, path } of linked) await context.store.unlink(hash, path);
    await scratch.dispose();
  }
}

/** The spelling of a `file:` URL that Node gives: programs differ in what they escape. */
function pathOf(url: string): string {
  return url.startsWith('file://') ? pathToFileURL(decodeURIComponent(url.slice('file://'.length))).href : url;
}

async function fetchDirectWheel(context: Context, root: Root, wheel: DirectWheel): Promise<FetchedWheel> {
  if (wheel.kind === 'path') {
    const stored = await context.store.put(createReadStream(join(wheel.directory, wheel.path)), {
      sha256: wheel.sha256,
    });
    checkHash(root, stored.sha256);
    return { url: projectUrl(wheel.path), filename: lastSegment(wheel.path), ...stored };
  }
  const url = withoutCredentials(wheel.url);
  const filename = decodeURIComponent(lastSegment(new URL(url).pathname));
  const key = sha256(`direct wheel ${url}`);
  const known = await context.store.getDerived<{ readonly sha256: Sha256 }>(KIND, key);
  const present = known === undefined ? undefined : await context.store.stat(known.sha256);
  // What has no hash is looked at anew, as long as there is somebody to ask.
  const isKnown = present !== undefined && (isAllowed(root, present.sha256) || context.http.offline);
  if (isKnown && root.hashes.length > 0 && isAllowed(root, present.sha256)) return { url, filename, ...present };
  if (isKnown && context.http.offline) return { url, filename, ...present };
  const { body } = await context.http.stream(expandUserInfo(wheel.url, context.env), { signal: context.signal });
  const stored = await context.store.put(body);
  checkHash(root, stored.sha256);
  await context.store.putDerived(KIND, key, { sha256: stored.sha256 });
  return { url, filename, ...stored };
}

const KIND = 'direct-wheel';

function isAllowed({ hashes }: Root, hash: Sha256): boolean {
  return hashes.length === 0 || hashes.includes(toDigest(hash));
}

function checkHash(root: Root, hash: Sha256): void {
  if (isAllowed(root, hash)) return;
  throw new CogplanError(
    'COGPLAN_WHEEL_HASH_REFUSED',
    `${root.asked} has sha256 ${hash}, which its hash does not allow`,
    {
      subject: root.name,
      where: root.where,
      hint: 'Either the file was replaced, or the hash is that of another one: compare them.',
      data: { found: hash, allowed: root.hashes },
    },
  );
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function withoutCredentials(text: string): string {
  const url = new URL(text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/i, '$1'));
  url.hash = '';
  return url.href;
}

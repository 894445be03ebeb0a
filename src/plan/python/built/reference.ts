import { isSha256, type Sha256 } from '../../../digest.ts';
import { withoutUserInfo } from '../../../errors.ts';
import { parseWheelFilename } from '../../../formats/python/wheel-filename.ts';

/** A source that a requirement names, to be built. Paths are relative to the project. */
export type BuildReference =
  | {
      readonly kind: 'git';
      /** Without `git+`, ref and fragment; may hold credentials. */
      readonly url: string;
      readonly ref?: string;
      readonly subdirectory?: string;
    }
  | {
      readonly kind: 'archive';
      /** May hold credentials. */
      readonly url: string;
      readonly sha256?: Sha256;
      readonly subdirectory?: string;
    }
  | { readonly kind: 'file'; readonly path: string; readonly subdirectory?: string }
  | { readonly kind: 'directory'; readonly path: string; readonly subdirectory?: string };

/** What a direct URL of a requirement leads to; undefined for a wheel, which needs no building. https://peps.python.org/pep-0440/#direct-references */
export function referenceOfUrl(text: string): BuildReference | undefined {
  const hash = text.indexOf('#');
  const location = hash < 0 ? text : text.slice(0, hash);
  const fragment = new URLSearchParams(hash < 0 ? '' : text.slice(hash + 1));
  const subdirectory = fragment.get('subdirectory');
  const below = subdirectory === null || subdirectory === '' ? {} : { subdirectory };
  const git = /^git\+([a-z]+:\/\/.*)$/i.exec(location)?.[1];
  if (git !== undefined) return { kind: 'git', ...splitRef(git), ...below };
  if (!/^https?:\/\//i.test(location)) return undefined;
  if (parseWheelFilename(decodeURIComponent(location.slice(location.lastIndexOf('/') + 1))) !== undefined)
    return undefined;
  const sha256 = fragment.get('sha256') ?? undefined;
  return { kind: 'archive', url: location, ...(sha256 !== undefined && isSha256(sha256) ? { sha256 } : {}), ...below };
}

/** For messages and the lock, without credentials. */
export function describeReference(reference: BuildReference): string {
  switch (reference.kind) {
    case 'git':
      return `git+${withoutUserInfo(reference.url)}${reference.ref === undefined ? '' : `@${reference.ref}`}`;
    case 'archive':
      return withoutUserInfo(reference.url);
    default:
      return reference.path;
  }
}

/** The last `@` after the host parts the ref from the path. */
function splitRef(url: string): { readonly url: string; readonly ref?: string } {
  const path = url.indexOf('/', url.indexOf('://') + 3);
  const at = path < 0 ? -1 : url.lastIndexOf('@');
  return at > path ? { url: url.slice(0, at), ref: url.slice(at + 1) } : { url };
}

import { projectPath } from '../project-url.ts';
import type { Lock, PythonPackage, Target } from '../schema.generated.ts';

/** Where another installer gets a locked package from. */
export type PythonSource =
  | { readonly kind: 'index'; readonly index: string | undefined }
  /** A wheel or archive by URL. */
  | { readonly kind: 'url'; readonly url: string; readonly subdirectory?: string }
  /** A source archive on an index, from which the locked wheel was built. */
  | { readonly kind: 'sdist' }
  | {
      readonly kind: 'git';
      readonly url: string;
      readonly commit: string;
      readonly ref?: string;
      readonly subdirectory?: string;
    }
  | { readonly kind: 'path'; readonly path: string; readonly subdirectory?: string };

/** Reads where a package came from out of its URLs and of what was asked. */
export function pythonSource(item: PythonPackage, indexes: readonly string[]): PythonSource {
  const { built, file } = item;
  const subdirectory = built?.source.subdirectory === undefined ? {} : { subdirectory: built.source.subdirectory };
  const url = built?.source.file.url ?? file.url;
  const path = projectPath(url);
  if (path !== undefined) return { kind: 'path', path, ...subdirectory };
  if (built?.source.kind === 'git' || url.startsWith('git+')) {
    const address = url.replace(/^git\+/, '');
    const at = address.lastIndexOf('@');
    const ref = built?.source.ref === undefined ? {} : { ref: built.source.ref };
    return { kind: 'git', url: address.slice(0, at), commit: address.slice(at + 1), ...ref, ...subdirectory };
  }
  if (isDirect(item)) return { kind: 'url', url, ...subdirectory };
  if (built !== undefined) return { kind: 'sdist' };
  return { kind: 'index', index: item.index ?? indexes[0] };
}

/** Indexes and pages of links in order of preference, as the project named them. */
export function sourcesOf(
  lock: Lock,
  target: Target,
): { readonly indexes: readonly string[]; readonly findLinks: readonly string[] } {
  const asked = lock.asked.python?.['find-links'];
  const links = new Set(Array.isArray(asked) ? asked : []);
  const isLink = (url: string): boolean => links.has(url);
  const { indexes } = target.python;
  return { indexes: indexes.filter((url) => !isLink(url)), findLinks: indexes.filter(isLink) };
}

// `requirements.txt:3: name @ https://…`, or an address without a name.
function isDirect({ asked = [] }: PythonPackage): boolean {
  return asked.some((text) => /:\s(?:[\w.-]+(?:\[[^\]]*\])?\s*@\s*)?https?:\/\/\S+/.test(text));
}

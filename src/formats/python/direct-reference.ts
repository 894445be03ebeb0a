import { CogplanError, type Where } from '../../errors.ts';

/** What a requirement takes instead of a version from an index, before anything is looked at. */
export type DirectReference = {
  /** `name[extra]` of an `#egg=` fragment. */
  readonly egg?: string;
  /** Folder in the checkout or archive that holds the project; relative, without `..`. */
  readonly subdirectory?: string;
  /** Hashes of the fragment as `algorithm:digits`, unchecked. */
  readonly hashes: readonly string[];
} & (
  | {
      readonly kind: 'url';
      /** http or https, without fragment; user info, if any, is as written. */
      readonly url: string;
      readonly form: 'wheel' | 'archive';
    }
  | {
      readonly kind: 'vcs';
      readonly vcs: 'git';
      /** Without `git+`, ref and fragment. */
      readonly url: string;
      /** Branch, tag or commit as written; absent for the default branch. */
      readonly ref?: string;
    }
  /** `path` is as written, decoded: relative, or absolute on this machine. */
  | { readonly kind: 'path'; readonly path: string }
);

const SCHEME = /^([a-z][a-z0-9+.-]*):(?=\/\/|\/|\.|[a-z0-9_%-])/i;
const ARCHIVE = /\.(?:whl|zip|tar\.gz|tgz|tar\.bz2|tbz|tar\.xz|txz|tar\.lzma|tlz|tar)$/i;
const WHEEL = /\.whl$/i;
// `git check-ref-format`, and no leading dash: a ref must never look like an option.
const REF = /^(?!-)(?!.*(?:\.\.|@\{|\/\/))[^\s~^:?*[\\]+$/;
const CODE_HOSTS = /^https?:\/\/(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|huggingface\.co)(\/[^/]+){2}\/?$/i;

/** Whether the text names a URL or a path rather than a package, by pip's rules. */
export function looksDirect(text: string): boolean {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^(?:file|git\+[a-z]+):/i.test(text) || /^git\+/i.test(text))
    return true;
  if (/^(?:[./~\\]|[a-z]:\\)/i.test(text)) return true;
  const first = text.split(/[\s[;]/)[0] ?? '';
  return !first.includes('@') && !/[<>=!~]/.test(first) && (ARCHIVE.test(first) || first.includes('/'));
}

/** Whether a file name is one of an archive or a wheel. */
export function isArchiveName(path: string): boolean {
  return ARCHIVE.test(path);
}

/**
 * Takes a URL or path apart. What pip could not take either, and version control systems but git, are
 * COGPLAN_REQUIREMENT_INVALID or COGPLAN_REQUIREMENT_UNSUPPORTED.
 * https://pip.pypa.io/en/stable/topics/vcs-support/
 */
export function parseDirectReference(text: string, where: Where): DirectReference {
  const refuse = (
    code: 'COGPLAN_REQUIREMENT_INVALID' | 'COGPLAN_REQUIREMENT_UNSUPPORTED',
    reason: string,
    hint: string,
  ) =>
    new CogplanError(code, `${text.slice(0, 300)} cannot be used: ${reason}`, {
      subject: text.slice(0, 300),
      where,
      hint,
    });
  const hash = text.indexOf('#');
  const address = hash === -1 ? text : text.slice(0, hash);
  const fragment = parseFragment(hash === -1 ? '' : text.slice(hash + 1));
  if (fragment.subdirectory !== undefined && !isInnerPath(fragment.subdirectory)) {
    throw refuse(
      'COGPLAN_REQUIREMENT_INVALID',
      'its subdirectory leads out of it',
      'Name a folder inside the project.',
    );
  }
  const scp = /^(?:git\+)?([\w.-]+@[\w.-]+):(?!\/\/|[0-9]+\/)(\S+)$/i.exec(address);
  if (scp !== null) {
    const hint = `Write git+ssh://${scp[1]}/${scp[2]}, or git+https://… without the user.`;
    throw refuse('COGPLAN_REQUIREMENT_INVALID', 'it is no URL', hint);
  }
  const scheme = SCHEME.exec(address)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: 'path', path: address, ...fragment };
  if (scheme === 'file') return { kind: 'path', path: pathOfFileUrl(address), ...fragment };
  if (/^(?:hg|svn|bzr)(?:\+|$)/.test(scheme)) {
    const hint = 'Use a released version, a git repository or an archive.';
    throw refuse('COGPLAN_REQUIREMENT_UNSUPPORTED', `${scheme.split('+')[0]} repositories are not read`, hint);
  }
  if (scheme === 'git+http' || scheme === 'git+https' || scheme === 'git+ssh' || scheme === 'git+file') {
    return { kind: 'vcs', vcs: 'git', ...parseGitAddress(), ...fragment };
  }
  if (scheme !== 'http' && scheme !== 'https') {
    throw refuse(
      'COGPLAN_REQUIREMENT_INVALID',
      `URLs of ${scheme}: are not read`,
      'Use https://, git+https:// or a path in the project.',
    );
  }
  const url = parseUrl(address);
  if (url.pathname.endsWith('.git') || (CODE_HOSTS.test(address) && !ARCHIVE.test(url.pathname))) {
    throw refuse('COGPLAN_REQUIREMENT_INVALID', 'it is the page of a git repository', `Write git+${address}.`);
  }
  if (/^https?:\/\/github\.com\/[^/]+\/[^/]+\/(?:blob|tree)\//i.test(address)) {
    throw refuse(
      'COGPLAN_REQUIREMENT_INVALID',
      'it is a web page about the file',
      'Use the address that downloads it.',
    );
  }
  return { kind: 'url', url: address, form: WHEEL.test(safeDecode(url.pathname)) ? 'wheel' : 'archive', ...fragment };

  function parseUrl(candidate: string): URL {
    // A variable may stand where user info is expected; it is no part of the address.
    const bare = candidate.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/i, '$1');
    if (!/\s/.test(bare) && URL.canParse(bare)) return new URL(bare);
    throw refuse('COGPLAN_REQUIREMENT_INVALID', 'it is no URL', 'Check host and path; spaces are written %20.');
  }

  function parseGitAddress(): { readonly url: string; readonly ref?: string } {
    const whole = address.slice('git+'.length);
    const { pathname } = parseUrl(whole);
    const at = pathname.includes('@') ? whole.lastIndexOf('@') : -1;
    const ref = at === -1 ? undefined : safeDecode(whole.slice(at + 1));
    if (ref === '' || (ref !== undefined && !REF.test(ref))) {
      throw refuse(
        'COGPLAN_REQUIREMENT_INVALID',
        'what follows "@" is no branch, tag or commit',
        'Write …/name.git@v1.0.',
      );
    }
    const url = at === -1 ? whole : whole.slice(0, at);
    if (parseUrl(url).pathname.replace(/\/+$/, '') === '') {
      throw refuse('COGPLAN_REQUIREMENT_INVALID', 'it names no repository', 'Write git+https://host/owner/name.git.');
    }
    return ref === undefined ? { url } : { url, ref };
  }
}

function parseFragment(text: string): Pick<DirectReference, 'egg' | 'subdirectory' | 'hashes'> {
  const pairs = text.split('&').map((pair) => {
    const equals = pair.indexOf('=');
    return equals === -1
      ? ([pair, ''] as const)
      : ([pair.slice(0, equals), safeDecode(pair.slice(equals + 1))] as const);
  });
  const value = (name: string): string | undefined => pairs.find(([key]) => key === name)?.[1];
  const [egg, subdirectory] = [value('egg'), value('subdirectory')?.replace(/\/+$/, '')];
  return {
    ...(egg === undefined || egg === '' ? {} : { egg }),
    ...(subdirectory === undefined || subdirectory === '' || subdirectory === '.' ? {} : { subdirectory }),
    hashes: pairs.filter(([key]) => /^(?:md5|sha[0-9]+)$/.test(key)).map(([key, digits]) => `${key}:${digits}`),
  };
}

// `file:x`, `file://./x` and `file:///x`; a host is not followed.
function pathOfFileUrl(address: string): string {
  const rest = address.slice('file:'.length);
  const path = rest.startsWith('//') ? rest.slice(2).replace(/^localhost(?=\/)/i, '') : rest;
  return safeDecode(path);
}

function isInnerPath(path: string): boolean {
  return !path.startsWith('/') && !path.includes('\0') && !path.split(/[/\\]/).includes('..');
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

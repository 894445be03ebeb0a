import { CogplanError, type Where } from '../errors.ts';
import { normalizeName } from '../formats/python/name.ts';
import { parseRequirement, type Requirement } from '../formats/python/requirement.ts';
import { parseWheelFilename } from '../formats/python/wheel-filename.ts';

const ARCHIVE = /\.(?:whl|zip|tar\.gz|tgz|tar\.bz2|tar\.xz)$/i;
const VCS = /^(?:git|hg|svn|bzr)\+/i;
const URL_HINT = 'Name a released version, or use: name @ https://…/name-1.0-py3-none-any.whl#sha256=…';

/**
 * The requirement of a line in any of pip's spellings. Of those that name bytes rather than a version, only a wheel by URL with its sha256
 * is taken; `hash` is that of the fragment. The rest is COGPLAN_REQUIREMENT_UNSUPPORTED.
 */
export function interpretRequirement(
  text: string,
  where: Where,
): { readonly requirement: Requirement; readonly hash?: string } {
  if (VCS.test(text)) throw unsupported(text, URL_HINT, where, 'a checkout from version control');
  if (/^file:/i.test(text)) throw unsupported(text, URL_HINT, where, 'a local file');
  if (/^https?:\/\//i.test(text)) {
    const [, url = text, rest = ''] = /^(\S+)(.*)$/s.exec(text) ?? [];
    const wheel = wheelOfUrl(url);
    if (wheel === undefined) throw unsupported(text, URL_HINT, where, 'an archive by URL');
    return interpretRequirement(`${wheel.distribution} @ ${url}${rest}`, where);
  }
  if (/^[./~]|^[a-z]:\\/i.test(text) || (ARCHIVE.test(text.split(/[\s[;]/)[0] ?? '') && !text.includes('@'))) {
    throw unsupported(text, URL_HINT, where, 'a local path');
  }
  const requirement = parseRequirement(text, where);
  if (requirement.url === undefined) return { requirement };
  if (VCS.test(requirement.url)) throw unsupported(text, URL_HINT, where, 'a checkout from version control');
  const wheel = wheelOfUrl(requirement.url);
  if (wheel === undefined) throw unsupported(text, URL_HINT, where, 'something else than a wheel by https');
  const hash = new URLSearchParams(new URL(requirement.url).hash.slice(1)).get('sha256');
  if (hash === null)
    throw unsupported(text, 'Add #sha256=… to the URL, so that its bytes are named.', where, 'a wheel without a hash');
  if (wheel.name !== normalizeName(requirement.name)) {
    throw new CogplanError(
      'COGPLAN_REQUIREMENT_INVALID',
      `${requirement.name} is asked, but the URL names ${wheel.distribution}`,
      {
        where,
      },
    );
  }
  return { requirement, hash: `sha256:${hash}` };
}

function wheelOfUrl(url: string): ReturnType<typeof parseWheelFilename> {
  if (!URL.canParse(url)) return undefined;
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') return undefined;
  try {
    return parseWheelFilename(decodeURIComponent(pathname.split('/').at(-1) ?? ''));
  } catch {
    return undefined;
  }
}

export function unsupported(text: string, hint: string, where: Where, kind?: string): CogplanError {
  const what = kind === undefined ? '' : `: it is ${kind}`;
  return new CogplanError('COGPLAN_REQUIREMENT_UNSUPPORTED', `${text.slice(0, 300)} cannot be locked${what}`, {
    subject: text.slice(0, 300),
    where,
    hint,
  });
}

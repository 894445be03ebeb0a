import { Parser } from 'htmlparser2';
import { isSha256 } from '../../digest.ts';
import { absoluteUrl, type IndexFile, readProjectStatus } from './index-file.ts';

/**
 * Files of an HTML page of the simple repository API: its anchors.
 * https://packaging.python.org/en/latest/specifications/simple-repository-api/#base-html-api
 */
export function parseSimpleHtml(
  html: string,
  pageUrl: string,
): { readonly files: readonly IndexFile[]; readonly looksLikeLogin: boolean } {
  const files: IndexFile[] = [];
  let base = pageUrl;
  let anchor: Readonly<Record<string, string>> | undefined;
  let text = '';
  let looksLikeLogin = false;
  const meta = new Map<string, string>();
  const finish = (): void => {
    const file = anchor === undefined ? undefined : readAnchor(anchor, text.trim(), base);
    if (file !== undefined) files.push(file);
    anchor = undefined;
  };
  const parser = new Parser({
    onopentag(name, attributes) {
      if (name === 'base' && attributes.href !== undefined) base = absoluteUrl(attributes.href, pageUrl) ?? base;
      if (name === 'meta' && attributes.name !== undefined) meta.set(attributes.name, attributes.content ?? '');
      if (name === 'input' && attributes.type?.toLowerCase() === 'password') looksLikeLogin = true;
      if (name === 'form') looksLikeLogin = true;
      if (name !== 'a') return;
      finish();
      anchor = attributes;
      text = '';
    },
    ontext(data) {
      if (anchor !== undefined && text.length < MAX_TEXT) text += data;
    },
    onclosetag(name) {
      if (name === 'a') finish();
    },
  });
  parser.end(html);
  finish();
  const project = readProjectStatus(meta.get('pypi:project-status'), meta.get('pypi:project-status-reason'));
  return { files: project === undefined ? files : files.map((file) => ({ ...file, project })), looksLikeLogin };
}

const MAX_TEXT = 1024;
const DISTRIBUTION = /\.(?:whl|tar\.gz|zip|tar\.bz2|tar\.xz|tgz|egg)$/;

function readAnchor(attributes: Readonly<Record<string, string>>, text: string, base: string): IndexFile | undefined {
  const href = attributes.href;
  const url = href === undefined ? undefined : absoluteUrl(href, base);
  if (href === undefined || url === undefined) return undefined;
  const path = new URL(url).pathname;
  const filename = DISTRIBUTION.test(text) ? text : decode(path.slice(path.lastIndexOf('/') + 1));
  if (!DISTRIBUTION.test(filename)) return undefined;
  const hash = readHash(/#(.*)$/s.exec(href)?.[1] ?? '');
  const metadata = attributes['data-core-metadata'] ?? attributes['data-dist-info-metadata'];
  const metadataHash = metadata === undefined ? undefined : readHash(metadata);
  const requiresPython = attributes['data-requires-python'];
  const yanked = attributes['data-yanked'];
  const uploadTime = attributes['data-upload-time'];
  return {
    filename,
    url,
    ...(hash === undefined ? {} : { sha256: hash }),
    ...(requiresPython === undefined ? {} : { requiresPython }),
    ...(yanked === undefined ? {} : { yanked }),
    ...(metadata === undefined || metadata === 'false'
      ? {}
      : { metadata: metadataHash === undefined ? {} : { sha256: metadataHash } }),
    ...(uploadTime === undefined ? {} : { uploadTime }),
  };
}

function readHash(text: string): IndexFile['sha256'] {
  const value = /(?:^|&)sha256=([0-9a-f]{64})(?:&|$)/i.exec(text)?.[1]?.toLowerCase();
  return value !== undefined && isSha256(value) ? value : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

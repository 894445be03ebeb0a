import { z } from 'zod';
import { isSha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { absoluteUrl, type IndexFile, readProjectStatus } from './index-file.ts';

export interface IndexPage {
  /** Where the page came from; links are relative to it. */
  readonly url: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/**
 * Reads a page of the simple repository API, JSON or HTML; what is neither is COGPLAN_INDEX_INVALID. Files that name no
 * absolute HTTP(S) or file URL are left out. https://packaging.python.org/en/latest/specifications/simple-repository-api/
 */
export async function parseIndexPage(page: IndexPage): Promise<readonly IndexFile[]> {
  const type = page.contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  const text = decodeUtf8(page);
  if (/^application\/(?:vnd\.pypi\.simple\.v\d+\+)?json$/.test(type)) return parseSimpleJson(page, text);
  if (/^(?:text\/html|application\/vnd\.pypi\.simple\.v1\+html)$/.test(type)) {
    // Loaded when needed: most indexes speak JSON, and most locks read no page at all.
    const { parseSimpleHtml } = await import('./simple-html.ts');
    const { files, looksLikeLogin } = parseSimpleHtml(text, page.url);
    if (looksLikeLogin && files.length === 0) throw invalid(page, 'it is a login page');
    return files;
  }
  throw invalid(page, `its content type is ${type === '' ? 'missing' : type}`);
}

const hashes = z.record(z.string(), z.string());
const metadataShape = z.union([z.boolean(), hashes]).optional();
const jsonShape = z.object({
  meta: z.object({ 'api-version': z.string() }),
  'project-status': z
    .object({ status: z.string().optional(), reason: z.string().optional() })
    .optional()
    .catch(undefined),
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: hashes.optional(),
      size: z.number().int().nonnegative().nullish(),
      'requires-python': z.string().nullish(),
      yanked: z.union([z.boolean(), z.string()]).nullish(),
      'core-metadata': metadataShape,
      'dist-info-metadata': metadataShape,
      'upload-time': z.string().nullish(),
    }),
  ),
});

function parseSimpleJson(page: IndexPage, text: string): readonly IndexFile[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw invalid(page, 'it is not JSON', cause);
  }
  const parsed = jsonShape.safeParse(document);
  if (!parsed.success) throw invalid(page, 'its JSON has another shape', parsed.error);
  const version = parsed.data.meta['api-version'];
  if (!/^1\./.test(version)) throw invalid(page, `it speaks version ${version.slice(0, 20)} of the API, not 1`);
  const told = parsed.data['project-status'];
  const project = readProjectStatus(told?.status, told?.reason);
  return parsed.data.files.flatMap((file): IndexFile[] => {
    const url = absoluteUrl(file.url, page.url);
    if (url === undefined) return [];
    const metadata = readMetadata(file['core-metadata'] ?? file['dist-info-metadata']);
    const sha256 = file.hashes?.sha256;
    return [
      {
        filename: file.filename,
        url,
        ...(sha256 !== undefined && isSha256(sha256) ? { sha256 } : {}),
        ...(typeof file.size === 'number' ? { size: file.size } : {}),
        ...(typeof file['requires-python'] === 'string' ? { requiresPython: file['requires-python'] } : {}),
        ...(typeof file.yanked === 'string' ? { yanked: file.yanked } : file.yanked === true ? { yanked: '' } : {}),
        ...(metadata === undefined ? {} : { metadata }),
        ...(typeof file['upload-time'] === 'string' ? { uploadTime: file['upload-time'] } : {}),
        ...(project === undefined ? {} : { project }),
      },
    ];
  });
}

function readMetadata(value: z.infer<typeof metadataShape>): IndexFile['metadata'] {
  if (value === undefined || value === false) return undefined;
  const sha256 = value === true ? undefined : value.sha256;
  return sha256 !== undefined && isSha256(sha256) ? { sha256 } : {};
}

function decodeUtf8(page: IndexPage): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(page.body);
  } catch (cause) {
    throw invalid(page, 'it is not UTF-8', cause);
  }
}

function invalid(page: IndexPage, reason: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_INDEX_INVALID', `${page.url} is not a page of a package index: ${reason}`, {
    subject: page.url,
    hint: 'Check the index URL: it usually ends in /simple. A private index may want credentials in ~/.netrc.',
    cause,
  });
}

import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { isSha256, type Sha256, sha256 } from '../../digest.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import type { HubReference } from '../../formats/weights/hub-uri.ts';
import type { File } from '../../lock/schema.generated.ts';
import { HUB_REFUSAL_HINT } from '../http/hub-token.ts';

export interface HubFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly file: File;
}

export interface HubTree {
  readonly commit: string;
  readonly files: readonly HubFile[];
}

/** Kind of derived results: hash and size of a plain file of a commit. */
const KIND = 'hub-file';
const HUB = 'https://huggingface.co';
const LOOK_UPS = 8;
const MOST_FILES = 100_000;
const MOST_PAGES = 1000;
/** What is no LFS object is small: the hub takes no larger ones. */
const MOST_PLAIN_BYTES = 64 * 1024 * 1024;

const revisionShape = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const treeShape = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    oid: z.string().optional(),
    size: z.number().int().nonnegative().optional(),
    lfs: z.object({ oid: z.string(), size: z.number().int().nonnegative() }).nullish(),
  }),
);

/**
 * What a revision holds: its commit, and of the files that `wanted` takes each with its sha256. That of an LFS object is its oid; the others are
 * fetched into the store and checked by their git hash. Errors: COGPLAN_HUB_MISSING, COGPLAN_HUB_REFUSED, COGPLAN_HUB_INVALID, those of HTTP.
 * https://huggingface.co/docs/hub/api
 */
export async function readHubTree(
  context: Context,
  { repository, revision }: HubReference,
  wanted: (path: string) => boolean,
): Promise<HubTree> {
  const api = `${HUB}/api/${repository.startsWith('datasets/') ? repository : `models/${repository}`}`;
  const what = `hf://${repository}@${revision}`;
  const { sha: commit } = read(
    revisionShape,
    (await ask(context, `${api}/revision/${encodeURIComponent(revision)}`, what)).body,
    what,
  );
  const entries: z.infer<typeof treeShape> = [];
  let page: string | undefined = `${api}/tree/${commit}?recursive=true`;
  for (let pages = 0; page !== undefined; pages++) {
    const answer: { body: Buffer; headers: Readonly<Record<string, string>> } = await ask(context, page, what);
    entries.push(...read(treeShape, answer.body, what));
    if (pages > MOST_PAGES || entries.length > MOST_FILES) throw invalid(what, `more than ${MOST_FILES} files`);
    page = nextPage(answer.headers.link, page);
  }
  const limit = pLimit(LOOK_UPS);
  const chosen = entries.filter(({ type, path }) => type === 'file' && wanted(path));
  const files = await Promise.all(
    chosen.map((entry) =>
      limit(async (): Promise<HubFile> => {
        const url = `${HUB}/${repository}/resolve/${commit}/${entry.path.split('/').map(encodeURIComponent).join('/')}`;
        if (entry.lfs != null) {
          if (!isSha256(entry.lfs.oid)) throw invalid(what, `${entry.path} has an LFS oid that is no sha256`);
          return { path: entry.path, file: { url, sha256: entry.lfs.oid, size: entry.lfs.size } };
        }
        return {
          path: entry.path,
          file: { url, ...(await readPlain(context, { url, oid: entry.oid, what: `${what} ${entry.path}` })) },
        };
      }),
    ),
  );
  return { commit, files };
}

async function ask(
  context: Context,
  url: string,
  what: string,
): Promise<{ readonly body: Buffer; readonly headers: Readonly<Record<string, string>> }> {
  try {
    return await context.http.get(url, { accept: 'application/json', signal: context.signal });
  } catch (error) {
    throw explained(error, what);
  }
}

async function readPlain(
  context: Context,
  { url, oid, what }: { readonly url: string; readonly oid: string | undefined; readonly what: string },
): Promise<{ readonly sha256: Sha256; readonly size: number }> {
  // The URL holds the commit: what it once was it stays.
  const key = sha256(url);
  const known = await context.store.getDerived<{ readonly sha256: Sha256; readonly size: number }>(KIND, key);
  if (known !== undefined) return known;
  try {
    const { body } = await context.http.get(url, { maxBytes: MOST_PLAIN_BYTES, cache: 'none', signal: context.signal });
    const gitHash = createHash('sha1').update(`blob ${body.length}\0`).update(body).digest('hex');
    if (oid !== undefined && oid !== gitHash) {
      throw new CogplanError('COGPLAN_HASH_MISMATCH', `${what}: the hub tells git hash ${oid}, and serves ${gitHash}`, {
        subject: what,
        hint: 'The hub contradicts itself, or something between rewrites what it serves: try again.',
        data: { expected: oid, actual: gitHash },
      });
    }
    const stored = await context.store.put(body);
    const found = { sha256: stored.sha256, size: stored.size };
    await context.store.putDerived(KIND, key, found);
    return found;
  } catch (error) {
    throw explained(error, what);
  }
}

/** `Link: <…>; rel="next"`, on the hub's own host alone. https://www.rfc-editor.org/rfc/rfc8288 */
function nextPage(link: string | undefined, current: string): string | undefined {
  const [, target] = /<([^>]+)>\s*;[^,]*\brel="?next"?/.exec(link ?? '') ?? [];
  if (target === undefined || !URL.canParse(target, current)) return undefined;
  const { pathname, search } = new URL(target, current);
  // A mirror may name itself: what counts is the path and the query.
  return new URL(`${pathname}${search}`, current).href;
}

function read<T>(shape: z.ZodType<T>, body: Buffer, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw invalid(what, 'it is not JSON');
  }
  const parsed = shape.safeParse(value);
  if (!parsed.success) throw invalid(what, 'its JSON has another shape');
  return parsed.data;
}

function invalid(what: string, reason: string): CogplanError {
  return new CogplanError('COGPLAN_HUB_INVALID', `the hub's answer for ${what} cannot be used: ${reason}`, {
    subject: what,
    hint: 'Check HF_ENDPOINT: it must speak the API of the Hugging Face Hub.',
  });
}

function explained(error: unknown, what: string): unknown {
  if (!isCogplanError(error, 'COGPLAN_HTTP_STATUS')) return error;
  const status = error.data?.status;
  if (status === 404) {
    return new CogplanError('COGPLAN_HUB_MISSING', `${what} does not exist on the hub`, {
      subject: what,
      hint: 'Check owner, name and revision; a private repository answers so to those without a token in HF_TOKEN.',
      cause: error,
    });
  }
  if (status !== 401 && status !== 403) return error;
  return new CogplanError('COGPLAN_HUB_REFUSED', `the hub refuses ${what} (${status})`, {
    subject: what,
    hint: HUB_REFUSAL_HINT,
    cause: error,
  });
}

import type { Context } from '../../context.ts';
import { CogplanError, isCogplanError, type Where } from '../../errors.ts';
import { withSpan } from '../../events.ts';
import type { Interpreter } from '../../lock/schema.generated.ts';
import type { Located } from '../../spec/spec.ts';
import type { StandaloneBuild } from './choose-python.ts';

/** Where a standalone interpreter lies in the image: as in the images of python.org's own making. */
const PREFIX = '/usr/local';

/**
 * Brings a build into the store, checked, and describes the interpreter that it becomes. `otherwise` says who lacks it (`no Debian suite has it`). Errors are those of fetching, of the last URL that was asked.
 */
export async function fetchStandalone(
  context: Context,
  { version, build, urls, sha256 }: StandaloneBuild,
  { asked, otherwise }: { readonly asked: Located<string>; readonly otherwise: string },
): Promise<Interpreter> {
  const what = `Python ${version}`;
  const size =
    (await context.store.stat(sha256))?.size ??
    (await withSpan(context.host, 'interpreter.fetch', `Fetching ${what}`, () =>
      download(context, { what, urls, sha256, where: asked.where }),
    ));
  const minor = version.split('.').slice(0, 2).join('.');
  const [url, ...mirrors] = urls;
  return {
    version,
    provider: 'standalone',
    build,
    file: { url, ...(mirrors.length === 0 ? {} : { mirrors }), sha256, size },
    path: `${PREFIX}/bin/python${minor}`,
    modules: `${PREFIX.slice(1)}/lib/python${minor}/site-packages`,
    why: `build.python_version ${asked.value}: ${otherwise}, a standalone build does`,
  };
}

async function download(
  context: Context,
  {
    what,
    urls,
    sha256,
    where,
  }: Pick<StandaloneBuild, 'urls' | 'sha256'> & { readonly what: string; readonly where: Where },
): Promise<number> {
  let last: unknown;
  for (const url of urls) {
    try {
      const { body } = await context.http.stream(url, { signal: context.signal });
      return (await context.store.put(body, { sha256 })).size;
    } catch (error) {
      if (isCogplanError(error, 'COGPLAN_INTERRUPTED')) throw error;
      last = error;
    }
  }
  if (!(last instanceof CogplanError)) throw last;
  throw new CogplanError(last.code, `${what} cannot be fetched: ${last.message}`, {
    subject: what,
    where,
    hint: 'Set interpreter.mirror in cogplan.yaml to a mirror of its releases, or ask for a Python that the base has (Debian: 3.9, 3.11 and 3.13).',
    cause: last,
    data: last.data,
  });
}

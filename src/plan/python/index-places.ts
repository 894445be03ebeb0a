import { CogplanError, type Where, withoutUserInfo } from '../../errors.ts';
import { normalizeName } from '../../formats/python/name.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import type { Spec } from '../../spec/spec.ts';

/** A URL, or a folder, that the project names, and where. */
interface Place {
  readonly url: string;
  readonly where: Where;
  /** Everything on its host is asked for because of it. */
  readonly isIndex: boolean;
}

/**
 * An error of an index, a page of links or a file at the line that names it: of the longest URL that what went wrong lies below, else of an index on the same
 * host; and one of a wheel without an address at the requirement of its project. Errors that have a place already, and those of the default index, which nobody names, stay as they are.
 */
export function atItsPlace(
  error: unknown,
  spec: Pick<Spec, 'requirements' | 'settings' | 'cuda' | 'gpuWhere'>,
): unknown {
  if (!(error instanceof CogplanError) || error.where !== undefined || error.code === 'COGPLAN_INTERRUPTED')
    return error;
  const urls = urlsOf(error);
  const where = placeOf(urls, placesOf(spec)) ?? lineOf(error, spec) ?? lineOfUrls(urls, spec);
  if (where === undefined) return error;
  const { code, message, subject, hint, data, cause } = error;
  return new CogplanError(code, message, { subject, where, hint, data, cause: cause ?? error });
}

function urlsOf({ subject, message }: CogplanError): readonly string[] {
  const named = message.match(/https?:\/\/[^\s`'")\]]+/g) ?? [];
  return [...(subject === undefined ? [] : [subject]), ...named.map((url) => url.replace(/[.,:;]+$/, ''))];
}

function placesOf({ requirements, settings }: Pick<Spec, 'requirements' | 'settings'>): readonly Place[] {
  const { indexUrl, extraIndexUrls, findLinks } = requirements;
  const options = [...(indexUrl === undefined ? [] : [indexUrl]), ...extraIndexUrls, ...findLinks];
  return [
    ...requirements.requirements.flatMap(({ source, where }): readonly Place[] =>
      source.kind === 'url' ? [{ url: bare(source.url), where, isIndex: false }] : [],
    ),
    ...options.map(({ value, where }) => ({ url: bare(value), where, isIndex: true })),
    ...(settings.values.indexes ?? []).map(({ url }, at) => ({
      url: bare(url),
      where: settings.where(['indexes', at, 'url']),
      isIndex: true,
    })),
  ];
}

function placeOf(urls: readonly string[], places: readonly Place[]): Where | undefined {
  const above = places
    .filter(({ url }) => urls.some((item) => item === url || item.startsWith(`${url}/`)))
    .sort((a, b) => b.url.length - a.url.length);
  const besides = places.filter(({ url, isIndex }) => isIndex && urls.some((item) => isSameOrigin(item, url)));
  return (above[0] ?? besides[0])?.where;
}

/** Of the requirement that names the project of a wheel. */
function lineOf({ subject = '' }: CogplanError, { requirements }: Pick<Spec, 'requirements'>): Where | undefined {
  const name = parseWheelFilename(subject)?.name;
  return name === undefined ? undefined : requirements.requirements.find((line) => line.name === name)?.where;
}

/** Of the requirement whose page or file was asked for; builds for a CUDA that nobody names by an index are asked for by `cuda` or `gpu`. */
function lineOfUrls(
  urls: readonly string[],
  { requirements, cuda, gpuWhere }: Pick<Spec, 'requirements' | 'cuda' | 'gpuWhere'>,
): Where | undefined {
  const lines = [...requirements.requirements, ...requirements.constraints];
  for (const url of urls.filter((item) => URL.canParse(item))) {
    const last = new URL(url).pathname.split('/').findLast((part) => part !== '') ?? '';
    const file =
      parseWheelFilename(last.replace(/\.metadata$/, ''))?.name ?? last.replace(/-\d[^-]*\.(?:tar\.gz|zip)$/, '');
    const line = lines.find(({ name }) => name === normalizeName(file));
    if (line !== undefined) return line.where;
    if (/\/whl\/(?:cu\d+|cpu)\//.test(url)) return cuda?.where ?? gpuWhere;
  }
  return undefined;
}

function isSameOrigin(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && /^https?:/.test(a) && new URL(a).origin === new URL(b).origin;
}

function bare(url: string): string {
  return withoutUserInfo(url).replace(/(?<=[^/])\/+$/, '');
}

import { normalizeName } from '../../formats/python/name.ts';

export const SIMPLE_JSON = 'application/vnd.pypi.simple.v1+json';

/** What to ask an index for; JSON is preferred. https://peps.python.org/pep-0691/#version-format-selection */
export const SIMPLE_ACCEPT = `${SIMPLE_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01`;

/** The page of a project: `https://pypi.org/simple/numpy/`. */
export function projectUrl(index: string, name: string): string {
  return `${index.replace(/\/*$/, '/')}${normalizeName(name)}/`;
}

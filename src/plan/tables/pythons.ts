import { readFileSync } from 'node:fs';
import { compareNumbers } from '../accelerator/table.ts';
import { DEBIAN_SUITES } from './debian-suites.ts';

/** A Python that can be asked for, as far as choosing wheels is concerned. */
export interface PythonChoice {
  /** `3.11`. */
  readonly python: string;
  readonly version: string;
  readonly glibc: string;
}

/** glibc of Debian's suites, and the patch level of their Python. */
const SUITES: Readonly<Record<string, { readonly patch: number; readonly glibc: string }>> = {
  bullseye: { patch: 2, glibc: '2.31' },
  bookworm: { patch: 2, glibc: '2.36' },
  trixie: { patch: 5, glibc: '2.41' },
};

/** Debian's own, newest first. */
export const PYTHONS: readonly PythonChoice[] = DEBIAN_SUITES.flatMap(({ name, python }) => {
  const suite = SUITES[name];
  return suite === undefined ? [] : [{ python, version: `${python}.${suite.patch}`, glibc: suite.glibc }];
}).reverse();

/** Minor versions that only standalone builds have for a platform, on bookworm, newest first. */
export function standalonePythons(platform: string): readonly PythonChoice[] {
  const table = JSON.parse(readFileSync(new URL('./python-builds.json', import.meta.url), 'utf8')) as {
    readonly builds: readonly { readonly python: string; readonly architecture: string }[];
  };
  const newest = new Map<string, string>();
  for (const { python, architecture } of table.builds) {
    if (`linux/${architecture}` !== platform) continue;
    const minor = python.split('.').slice(0, 2).join('.');
    const known = newest.get(minor);
    if (/^[\d.]+$/.test(python) && (known === undefined || compareNumbers(python, known) > 0))
      newest.set(minor, python);
  }
  const glibc = SUITES.bookworm?.glibc ?? '2.36';
  return [...newest]
    .filter(([minor]) => !PYTHONS.some(({ python }) => python === minor))
    .sort(([a], [b]) => compareNumbers(b, a))
    .map(([python, version]) => ({ python, version, glibc }));
}

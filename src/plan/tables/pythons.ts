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

/** Newest first. */
export const PYTHONS: readonly PythonChoice[] = DEBIAN_SUITES.flatMap(({ name, python }) => {
  const suite = SUITES[name];
  return suite === undefined ? [] : [{ python, version: `${python}.${suite.patch}`, glibc: suite.glibc }];
}).reverse();

export interface DebianSuite {
  readonly name: string;
  /** `12`. */
  readonly release: string;
  /** `3.11`: the Python this suite brings. */
  readonly python: string;
  /** Its full version; absent where it moves. */
  readonly patch?: string;
  /** Beside the Essential packages. */
  readonly base: readonly string[];
  /** Beside `python3`. */
  readonly interpreter: readonly string[];
}

const BASE = ['apt', 'ca-certificates', 'netbase', 'tini', 'tzdata'] as const;

/** Debian releases of 2026-11 by the Python they bring, oldest first. */
export const DEBIAN_SUITES: readonly DebianSuite[] = [
  {
    name: 'bullseye',
    release: '11',
    python: '3.9',
    patch: '3.9.2',
    base: BASE,
    interpreter: ['python3.9', 'python3-distutils'],
  },
  {
    name: 'bookworm',
    release: '12',
    python: '3.11',
    patch: '3.11.2',
    // Without it init-system-helpers would bring usrmerge, which converts a running system.
    base: [...BASE, 'usr-is-merged'],
    interpreter: ['python3.11', 'python3-distutils'],
  },
  { name: 'trixie', release: '13', python: '3.13', patch: '3.13.5', base: BASE, interpreter: ['python3.13'] },
  { name: 'forky', release: '14', python: '3.14', base: BASE, interpreter: ['python3.14'] },
];

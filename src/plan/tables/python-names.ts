import { readFileSync } from 'node:fs';

/** Names that many projects ask for, in normal form, with a date in the table. */
export function commonNames(): readonly string[] {
  const table = JSON.parse(readFileSync(new URL('./python-names.json', import.meta.url), 'utf8')) as {
    readonly names: readonly string[];
  };
  return table.names.flatMap((line) => line.split(' '));
}

/**
 * The names that a person most likely means by a name (normalised) that no index has: the same but for hyphens and the order of its words first, then those that
 * are one or two letters away. At most three.
 */
export function likeNames(name: string, names: readonly string[] = commonNames()): readonly string[] {
  const most = name.length < 5 ? 0 : name.length < 8 ? 1 : 2;
  const near = names.flatMap((candidate) => {
    if (candidate === name) return [];
    if (wordsOf(candidate) === wordsOf(name) || plain(candidate) === plain(name)) return [{ candidate, far: 0 }];
    if (Math.abs(candidate.length - name.length) > most) return [];
    const far = distance(plain(name), plain(candidate), most);
    return far === undefined ? [] : [{ candidate, far }];
  });
  return near
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

function plain(name: string): string {
  return name.replaceAll('-', '');
}

function wordsOf(name: string): string {
  return name
    .split('-')
    .filter((word) => word !== 'python' && word !== 'py')
    .sort()
    .join('-');
}

/** Insertions, deletions, replacements and swaps of neighbours; undefined above `most`. */
function distance(a: string, b: string, most: number): number | undefined {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    if (Math.min(...row) > most) return undefined;
    [before, last] = [last, row];
  }
  const found = last[b.length] ?? 0;
  return found <= most ? found : undefined;
}

/** Modules of Python 3.11 that people put on lists of packages: backports of them for older Pythons, or nothing, bear their names on PyPI. */
const STANDARD: ReadonlySet<string> = new Set(
  'argparse ast asyncio base64 bisect builtins bz2 calendar collections concurrent configparser contextlib contextvars copy csv ctypes dataclasses datetime dbm decimal difflib email enum enum34 errno fnmatch fractions functools futures gc getpass gettext glob gzip hashlib heapq hmac html http imaplib importlib inspect io ipaddress itertools json linecache locale logging lzma marshal math mimetypes mmap multiprocessing numbers operator os pathlib pickle pickle5 pkgutil platform plistlib pprint profile queue random re sched secrets select shelve shlex shutil signal singledispatch smtplib socket socketserver sqlite3 ssl stat statistics string struct subprocess sys sysconfig tarfile tempfile textwrap threading time timeit tkinter tokenize traceback types typing unicodedata unittest urllib uuid venv warnings weakref webbrowser xml xmlrpc zipfile zipimport zlib zoneinfo'.split(
    ' ',
  ),
);

/** Whether Python brings what a package of this name (normalised) would. */
export function isStandard(name: string): boolean {
  return STANDARD.has(name);
}

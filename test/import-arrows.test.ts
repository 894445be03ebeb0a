import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const SOURCE = fileURLToPath(new URL('../src', import.meta.url));

/** What each room may import from, beside itself and the root's plain values (errors, events, digest, canonical, context, version). */
const MAY_IMPORT: Record<string, readonly string[]> = {
  start: ['store'],
  cli: ['tui', 'plan', 'apply', 'audit', 'run', 'sources', 'store', 'lock', 'spec', 'formats'],
  tui: ['plan', 'lock'],
  audit: ['apply', 'plan', 'sources', 'store', 'lock', 'spec', 'formats'],
  run: ['apply', 'sources', 'store', 'lock', 'spec', 'formats'],
  plan: ['apply', 'sources', 'store', 'lock', 'spec', 'formats'],
  apply: ['sources', 'store', 'lock', 'spec', 'formats'],
  sources: ['store', 'lock', 'formats'],
  store: ['lock', 'formats'],
  spec: ['formats'],
  lock: ['formats'],
  formats: [],
};

/** Rooms, and parts of rooms, that read no clock, environment, file or network. */
const PURE = ['lock', 'plan/diff', 'apply/image', 'tui/state'];
const IMPURE_MODULES = /^node:(fs|child_process|net|http|https|dns|os|process|worker_threads|timers)/;

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function imports(): Import[] {
  const files = readdirSync(SOURCE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
    .map((entry) => relative(SOURCE, join(entry.parentPath, entry.name)));
  return files.flatMap((from) => {
    const text = readFileSync(join(SOURCE, from), 'utf8');
    const statement =
      /(?:^|\n)\s*(?:import|export)\s(type\s)?[^;'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;
    return [...text.matchAll(statement)].map(([, type, fixed, lazy]) => ({
      from,
      to: fixed ?? lazy ?? '',
      typeOnly: type !== undefined,
    }));
  });
}

const room = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : '');
const inside = ({ from, to }: Import): string => posix.normalize(posix.join(dirname(from), to));

it('follows the arrows of the architecture', () => {
  const wrong = imports()
    .filter((item) => item.to.startsWith('.'))
    .filter((item) => {
      const [here, there] = [room(item.from), room(inside(item))];
      if (here === there || there === '') return false;
      return here === '' ? !item.typeOnly : !MAY_IMPORT[here]?.includes(there);
    })
    .map((item) => `${item.from} -> ${inside(item)}`);
  expect(wrong).toEqual([]);
});

it('keeps the pure rooms pure', () => {
  const wrong = imports()
    .filter(
      (item) => PURE.some((pure) => item.from.startsWith(`${pure}/`)) && IMPURE_MODULES.test(item.to) && !item.typeOnly,
    )
    .map((item) => `${item.from} -> ${item.to}`);
  expect(wrong).toEqual([]);
});

it('keeps the state of the review apart from what draws it, and the review apart from the engine', () => {
  const wrong = imports()
    .filter((item) => item.from.startsWith('tui/'))
    .filter(
      (item) =>
        (inside(item).startsWith('plan/') && !inside(item).startsWith('plan/diff/')) ||
        (item.from.startsWith('tui/state/') &&
          (/^(ink|react)\b/.test(item.to) || /^tui\/(?!state\/)/.test(inside(item)))),
    )
    .map((item) => `${item.from} -> ${item.to}`);
  expect(wrong).toEqual([]);
});

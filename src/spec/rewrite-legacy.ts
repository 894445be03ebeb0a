import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import type { Fix, LinesEdit } from './edit-spec.ts';

/** Keys of the layout of 2021 that have no effect: they go, with what is below them. */
const GONE_TOP = new Set(['examples', 'name', 'repo']);
const GONE_BUILD = new Set(['workdir']);

interface Entry {
  readonly key: string;
  readonly value: Node | null;
  /** Lines of the file, from 1. */
  readonly first: number;
  readonly last: number;
}

/**
 * The layout of 2021 in today's keys: `environment:` becomes `build:`, `model:` becomes `run:`, `architectures:` becomes `gpu:`, versions get quotes, and what has no effect goes.
 * Comments and order stay. Undefined for a file of another layout, and where today's keys cannot say the same in place.
 */
export function rewriteLegacy(text: string, file: string): Fix | undefined {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, version: '1.2', prettyErrors: false });
  if (document.errors.length > 0 || !isMap(document.contents)) return undefined;
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const lineOf = (offset: number): number => counter.linePos(offset).line;
  const entriesOf = (node: Node | null): readonly Entry[] | undefined => entries(node, lineOf, lines);

  const top = entriesOf(document.contents);
  const environment = top?.find(({ key }) => key === 'environment');
  const model = top?.find(({ key }) => key === 'model');
  if (top === undefined) return undefined;
  const build = entriesOf(environment?.value ?? null) ?? [];
  const isBuild = build.some(({ key }) => BUILD_KEYS.has(key));
  const isRun = model !== undefined && isScalar(model.value) && /\.py:/.test(String(model.value.value));
  if (!isBuild && !isRun) return undefined;
  const today = [...(isBuild ? ['build'] : []), ...(isRun ? ['run', 'predict'] : [])];
  if (top.some(({ key }) => today.includes(key))) return undefined;
  if (build.some(({ key }) => NOT_IN_PLACE.has(key))) return undefined;

  const become = new Map<number, readonly string[]>();
  const drop = ({ first, last }: Entry): void => {
    for (let line = first; line <= last; line++) if (!isComment(lines[line - 1])) become.set(line, []);
  };
  const rename = ({ key, first }: Entry, to: string): void => {
    become.set(first, [(lines[first - 1] ?? '').replace(key, to)]);
  };
  for (const entry of top) if (GONE_TOP.has(entry.key)) drop(entry);
  if (isRun && model !== undefined) rename(model, 'run');
  if (isBuild && environment !== undefined) {
    rename(environment, 'build');
    for (const entry of build) {
      const line = lines[entry.first - 1] ?? '';
      if (GONE_BUILD.has(entry.key)) drop(entry);
      else if (isScalar(entry.value) && typeof entry.value.value === 'number' && VERSIONS.has(entry.key)) {
        const written = entry.value.source ?? '';
        become.set(entry.first, [line.replace(written, `"${written}"`)]);
      }
    }
    const gpu = build.some(({ key }) => key === 'gpu');
    const architectures = build.find(({ key }) => key === 'architectures');
    const first = build[0];
    if (architectures !== undefined) {
      drop(architectures);
      const line = lines[architectures.first - 1] ?? '';
      const comment = /\s#.*$/.exec(line)?.[0] ?? '';
      if (!gpu) become.set(architectures.first, [`${gpuLine(line, wantsGpu(architectures.value))}${comment}`]);
    } else if (!gpu && first !== undefined) {
      const line = lines[first.first - 1] ?? '';
      become.set(first.first, [gpuLine(line, true), ...(become.get(first.first) ?? [line])]);
    }
  }
  const edits = [...become].map(
    ([line, to]): LinesEdit => ({ file, line, lines: [lines[line - 1] ?? ''], become: to }),
  );
  return { text: "write the layout of 2021 in today's keys", edits };
}

const BUILD_KEYS = new Set([
  'architectures',
  'python_version',
  'python_packages',
  'python_requirements',
  'system_packages',
  'cuda',
  'cudnn',
]);
/** What they say would have to stand elsewhere. */
const NOT_IN_PLACE = new Set(['python_extra_index_urls', 'python_find_links', 'post_install']);
const VERSIONS = new Set(['python_version', 'cuda', 'cudnn']);

/** Block style only: in flow style several keys share a line. */
function entries(
  node: Node | null,
  lineOf: (offset: number) => number,
  lines: readonly string[],
): readonly Entry[] | undefined {
  if (!isMap(node) || node.flow === true) return undefined;
  const pairs = node.items as Pair<Node, Node | null>[];
  const found: Entry[] = [];
  for (const { key, value } of pairs) {
    if (!isScalar(key) || typeof key.value !== 'string' || key.range === undefined || key.range === null)
      return undefined;
    const first = lineOf(key.range[0]);
    const end = value?.range?.[1];
    const last = end === undefined ? first : lineOf(Math.max(key.range[0], end - 1));
    if (found.at(-1)?.first === first) return undefined;
    found.push({ key: key.value, value: value ?? null, first, last: withTrailing(lines, first, last) });
  }
  return found;
}

/** A block's range may end in the blank lines behind it: those stay. */
function withTrailing(lines: readonly string[], first: number, last: number): number {
  let end = last;
  while (end > first && (lines[end - 1] ?? '').trim() === '') end--;
  return end;
}

function isComment(line: string | undefined): boolean {
  return line?.trimStart().startsWith('#') === true;
}

/** Nothing said is both. */
function wantsGpu(value: Node | null): boolean {
  if (!isSeq(value)) return true;
  return value.items.some((item) => isScalar(item) && item.value === 'gpu');
}

function gpuLine(model: string, gpu: boolean): string {
  return `${/^\s*/.exec(model)?.[0] ?? ''}gpu: ${gpu}`;
}

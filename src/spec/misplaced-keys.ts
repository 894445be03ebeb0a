import { isMap } from 'yaml';
import type { Fix, LinesEdit } from './edit-spec.ts';
import { indentOf } from './yaml-repairs.ts';
import type { YamlField, YamlSource } from './yaml-source.ts';

/** Moves a key with all that is below it to the end of `build:`, which is made where there is none; undefined where the layout does not allow it. */
export function moveIntoBuild(source: YamlSource, field: YamlField): Fix | undefined {
  const block = blockOf(source, field);
  const build = topField(source, 'build');
  if (block === undefined || block.indent !== 0) return undefined;
  const text = `move ${field.name} below build:`;
  const { file } = field.where;
  if (build === undefined) {
    const become = ['build:', ...indented(block.lines, 2)];
    return { text, edits: [{ file, line: block.first, lines: block.lines, become }] };
  }
  const own = blockOf(source, build);
  if (own === undefined || hasField(source, build, field.name)) return undefined;
  const inside = isMap(build.node) && build.node.flow !== true ? own.lines.slice(1).find(isContent) : undefined;
  if (inside === undefined && build.node !== null && !isEmpty(build)) return undefined;
  return moved({
    text,
    file,
    block,
    after: own,
    lines: indented(block.lines, inside === undefined ? 2 : indentOf(inside)),
  });
}

/** Moves a key of `build:` with all that is below it out of it, behind it. */
export function moveOutOfBuild(source: YamlSource, field: YamlField): Fix | undefined {
  const block = blockOf(source, field);
  const build = topField(source, 'build');
  const own = build === undefined ? undefined : blockOf(source, build);
  if (block === undefined || own === undefined || topField(source, field.name) !== undefined) return undefined;
  const lines = indented(block.lines, 0);
  return moved({ text: `move ${field.name} out of build:`, file: field.where.file, block, after: own, lines });
}

export function topField(source: YamlSource, name: string): YamlField | undefined {
  return source.fields(source.root)?.find((field) => field.name === name);
}

interface Block {
  /** From 1. */
  readonly first: number;
  readonly last: number;
  readonly lines: readonly string[];
  readonly indent: number;
}

/** A key that begins its line, with the lines of its value. */
function blockOf(source: YamlSource, field: YamlField): Block | undefined {
  const { line: first, column } = field.keyWhere;
  if (first === undefined || column === undefined) return undefined;
  const key = source.lines[first - 1] ?? '';
  if (key.slice(0, column - 1).trim() !== '') return undefined;
  const span = isEmpty(field) ? { first, last: first } : source.span(field);
  if (span === undefined) return undefined;
  return { first, last: span.last, lines: source.lines.slice(first - 1, span.last), indent: column - 1 };
}

function moved(change: {
  readonly text: string;
  readonly file: string;
  readonly block: Block;
  readonly after: Block;
  readonly lines: readonly string[];
}): Fix {
  const { text, file, block, after, lines } = change;
  const place: LinesEdit = { file, line: block.first, lines: block.lines, become: lines };
  // The last of what it is to stand behind already does.
  if (block.last === after.last) return { text, edits: [place] };
  const last = after.lines.at(-1) ?? '';
  return {
    text,
    edits: [
      { file, line: after.last, lines: [last], become: [last, ...lines] },
      { ...place, become: [] },
    ],
  };
}

/** The lines moved together, so that the first of them is as far in as `indent` says. */
function indented(lines: readonly string[], indent: number): readonly string[] {
  const by = indent - indentOf(lines[0] ?? '');
  return lines.map((line) =>
    line.trim() === '' ? '' : `${' '.repeat(Math.max(0, indentOf(line) + by))}${line.trimStart()}`,
  );
}

function hasField(source: YamlSource, build: YamlField, name: string): boolean {
  return source.fields(build)?.some((field) => field.name === name) === true;
}

function isContent(line: string): boolean {
  return line.trim() !== '' && !line.trimStart().startsWith('#');
}

function isEmpty({ node }: YamlField): boolean {
  return node === null || ('value' in node && node.value === null);
}

import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { stripComment } from '../formats/python/requirements-file.ts';
import type { Fix, LinesEdit } from './edit-spec.ts';
import { pinnedBy } from './requirement-dialects.ts';
import { isRequirement } from './requirement-slips.ts';
import type { YamlSource, YamlValue } from './yaml-source.ts';

/** What a value that should be a list, or an item of one, most likely means. */
export interface ListRepair {
  readonly items: readonly string[];
  /** Absent where the file's layout does not allow it. */
  readonly fix?: Fix;
}

/** The list that is meant where a text or a mapping stands in place of one; undefined when that is not certain. */
export function repairList(source: YamlSource, value: YamlValue): ListRepair | undefined {
  const items = itemsMeant(value, lastKey(value));
  if (items === undefined || items.length === 0) return undefined;
  return withFix(source, value, items, (indent, item) => `${indent}- ${inYaml(item)}`);
}

/** The items that are meant where a mapping or a list stands in place of a text of a list: `- six: 1.16.0`, `- [six, idna]`. */
export function repairItem(source: YamlSource, value: YamlValue): ListRepair | undefined {
  const key = lastKey(value).replace(/\[\d+\]$/, '');
  const items = isSeq(value.node) ? plainItems(value.node.items) : fromMapping(value.node, key);
  if (items === undefined || items.length === 0) return undefined;
  return withFix(source, value, items, (indent, item) => `${indent}${inYaml(item)}`);
}

function itemsMeant({ node }: YamlValue, key: string): readonly string[] | undefined {
  if (!isScalar(node)) return fromMapping(node, key);
  const text = String(node.value);
  const lines = text
    .split('\n')
    .map((line) => stripComment(line).trim())
    .filter((line) => line !== '');
  if (lines.length > 1) return lines.map((line) => line.replace(/^[-\u2013\u2014]\s+/, ''));
  const dashed = glued(text, key);
  if (dashed !== undefined) return dashed;
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const isWords =
    key === 'system_packages'
      ? words.every((word) => /^[a-z0-9][\w.+:-]*(?:=\S+)?$/i.test(word))
      : words.every(isPlain);
  return words.length > 1 && isWords && /^(?:system|python)_packages$/.test(key) ? words : [text.trim()];
}

/** `-six -idna`, which is what YAML makes of items whose dashes lack their space. */
function glued(text: string, key: string): readonly string[] | undefined {
  if (!/^[-\u2013\u2014]/.test(text)) return undefined;
  const items = text.split(/\s+(?=[-\u2013\u2014])/).map((item) => item.replace(/^[-\u2013\u2014]\s*/, ''));
  const isMeant = key === 'python_packages' ? items.every(isRequirement) : items.every((item) => item !== '');
  return isMeant ? items : undefined;
}

function isPlain(word: string): boolean {
  return /^[A-Za-z]/.test(word) && isRequirement(word);
}

function fromMapping(node: Node | null, key: string): readonly string[] | undefined {
  if (!isMap(node)) return undefined;
  const items = node.items.map(({ key: name, value }) => {
    const [word, written] = [textOf(name), value === null ? '' : textOf(value)];
    if (word === undefined || written === undefined) return undefined;
    if (key === 'python_packages') return pinnedBy(word, written);
    return key === 'environment' ? `${word}=${written}` : undefined;
  });
  return items.every((item) => item !== undefined) ? items : undefined;
}

function plainItems(items: readonly unknown[]): readonly string[] | undefined {
  const texts = items.map(textOf);
  return texts.every((text) => text !== undefined && text !== '') ? (texts as string[]) : undefined;
}

/** A number as it is written: 1.10 is not 1.1. */
function textOf(node: unknown): string | undefined {
  if (!isScalar(node)) return undefined;
  if (node.value === null) return '';
  return typeof node.value === 'string' ? node.value.trim() : (node.source ?? String(node.value));
}

/** Comments among the lines that change leave no place to keep them: then a person does it. */
function withFix(
  source: YamlSource,
  value: YamlValue,
  items: readonly string[],
  itemLine: (indent: string, item: string) => string,
): ListRepair {
  const { where } = value;
  const span = source.span(value);
  if (span === undefined || where.column === undefined) return { items };
  const lines = source.lines.slice(span.first - 1, span.last);
  const before = (lines[0] ?? '').slice(0, where.column - 1);
  const [, indent, key] = /^(\s*)((?:- )?[\w.-]+:\s*)?$/.exec(before) ?? [];
  const dash = /^\s*- $/.test(before) ? before : undefined;
  if ((indent === undefined && dash === undefined) || lines.some((line) => /(?:^|\s)#/.test(line))) return { items };
  const become =
    key === undefined
      ? items.map((item) => itemLine(dash ?? indent ?? '', item))
      : [before.trimEnd(), ...items.map((item) => itemLine(`${indent}  `, item))];
  const edit: LinesEdit = { file: where.file, line: span.first, lines, become };
  return { items, fix: { text: `write ${inWords(items)}`, edits: [edit] } };
}

function inWords(items: readonly string[]): string {
  const shown = items.slice(0, 5).map((item) => `- ${item}`);
  return `${shown.join(', ')}${items.length > 5 ? ', …' : ''}`;
}

/** A text as YAML has it, in quotes where it would be read as something else. */
function inYaml(text: string): string {
  const isPlainText = /^[A-Za-z_./](?!.*(?:: | #|:$))/.test(text) && !/^(?:true|false|null|yes|no|on|off)$/i.test(text);
  return isPlainText ? text : JSON.stringify(text);
}

function lastKey({ where }: YamlValue): string {
  return (where.key ?? '').split('.').at(-1) ?? '';
}

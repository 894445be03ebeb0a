import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
} from 'yaml';
import { CogplanError, type Where } from '../errors.ts';
import { oddCharacter } from './odd-characters.ts';
import { plainStructure, yamlError, yamlProblem } from './yaml-errors.ts';

/** A value in a YAML file, with its place. Aliases and merge keys are resolved. */
export interface YamlValue {
  readonly node: Node | null;
  readonly where: Where;
}

export interface YamlField extends YamlValue {
  readonly name: string;
  readonly keyWhere: Where;
}

export interface YamlSource {
  readonly root: YamlValue;
  /** Without their ends. */
  readonly lines: readonly string[];
  /** The lines, from 1, that a value covers where it stands; undefined for one that stands elsewhere, behind an alias. */
  span(value: YamlValue): LineSpan | undefined;
  /** Plain data; aliases expanded within a bound. */
  toPlain(value: YamlValue): unknown;
  /** Fields of a mapping in order; undefined for another node. Keys that are not strings are refused. */
  fields(value: YamlValue): readonly YamlField[] | undefined;
  /** Items of a list; undefined for another node. */
  items(value: YamlValue): readonly YamlValue[] | undefined;
  /** Where the value at a path of keys and indexes stands, or, when there is none, the nearest thing around it. Keys give their own place. */
  locate(path: readonly (string | number)[]): Where;
  isList(path: readonly (string | number)[]): boolean;
  /** A block value as it is written, without what follows it on its last line. */
  textOf(value: YamlValue): string;
}

export interface LineSpan {
  readonly first: number;
  readonly last: number;
}

const MAX_ALIASES = 100;
// Merge keys can repeat each other, so that a small file unfolds into an endless one.
const MAX_FIELDS = 20_000;

/** Parses one YAML document; a syntax error is thrown with its line, a caret and a repair. */
export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, version: '1.2', prettyErrors: false });
  const [error] = document.errors;
  // What follows the first error is mostly a consequence of it.
  const control = text.search(CONTROL);
  if (control !== -1) {
    const code = text.charCodeAt(control).toString(16).toUpperCase().padStart(4, '0');
    const reason = `it holds the control character U+${code}`;
    throw yamlProblem(text, file, {
      offset: control,
      reason,
      hint: 'Remove it, or check whether this is the right file.',
    });
  }
  if (/\r/.test(text) && !text.includes('\n')) {
    const hint = 'Save the file with line feeds (LF, or CRLF).';
    throw yamlProblem(text, file, {
      offset: text.indexOf('\r'),
      reason: 'its lines end in carriage returns alone',
      hint,
    });
  }
  if (error !== undefined) throw yamlError(error, text, file);
  refuseUnknown(document, text, file);

  const placeOf = (node: Node | null, key: string | undefined, fallback: Where): Where => {
    const offset = node?.range?.[0];
    if (offset === undefined) return { ...fallback, key };
    const { line, col: column } = lines.linePos(offset);
    return { file, line, column, key };
  };

  const resolve = (node: unknown): Node | null => {
    const target = isAlias(node) ? node.resolve(document) : node;
    return (target ?? null) as Node | null;
  };

  const toValue = (node: unknown, key: string | undefined, fallback: Where): YamlValue => ({
    node: resolve(node),
    where: placeOf((node ?? null) as Node | null, key, fallback),
  });

  let budget = MAX_FIELDS;
  const fieldsOf = (value: YamlValue): YamlField[] | undefined => {
    if (!isMap(value.node)) return undefined;
    budget -= value.node.items.length + 1;
    if (budget < 0) {
      throw new CogplanError('COGPLAN_SPEC_SYNTAX', 'the merge keys unfold into too many fields', {
        where: value.where,
      });
    }
    const merged: YamlField[] = [];
    const own = new Map<string, YamlField>();
    for (const pair of value.node.items as Pair<Node, Node | null>[]) {
      const keyWhere = placeOf(pair.key, value.where.key, value.where);
      const name = isScalar(pair.key) ? (pair.key as Scalar).value : undefined;
      if (name === '<<' || typeof name === 'symbol') {
        const source = toValue(pair.value, value.where.key, keyWhere);
        const sources = isSeq(source.node)
          ? source.node.items.map((item) => toValue(item, value.where.key, keyWhere))
          : [source];
        for (const mapping of sources) merged.push(...(fieldsOf(mapping) ?? []));
        continue;
      }
      if (typeof name !== 'string') {
        throw new CogplanError('COGPLAN_SPEC_TYPE', 'a key must be plain text', {
          where: keyWhere,
          hint: 'Quote the key.',
        });
      }
      const odd = oddCharacter(name);
      if (odd !== undefined && isScalar(pair.key) && pair.key.type === 'PLAIN')
        throw yamlProblem(text, file, {
          offset: (pair.key.range?.[0] ?? 0) + odd.index,
          reason: `${odd.text} stands in the key "${name.trim()}"`,
          hint: odd.instead,
          repair: plainStructure(text.split(/\r\n|\r|\n/)),
        });
      const key = value.where.key === undefined ? name : `${value.where.key}.${name}`;
      const place = { ...keyWhere, key };
      own.set(name, { name, keyWhere: place, ...toValue(pair.value, key, place) });
    }
    for (const field of merged) if (!own.has(field.name)) own.set(field.name, field);
    return [...own.values()];
  };

  const root = toValue(document.contents, undefined, { file, line: 1, column: 1 });
  const itemsOf = (value: YamlValue): readonly YamlValue[] | undefined =>
    isSeq(value.node)
      ? value.node.items.map((item, index) => toValue(item, `${value.where.key ?? ''}[${index}]`, value.where))
      : undefined;
  const follow = (
    path: readonly (string | number)[],
  ): { readonly value: YamlValue | undefined; readonly where: Where } => {
    let value: YamlValue | undefined = root;
    let where = root.where;
    for (const part of path) {
      const inside: YamlValue | undefined =
        typeof part === 'number' ? itemsOf(value)?.[part] : fieldsOf(value)?.find((field) => field.name === part);
      if (inside === undefined) return { value: undefined, where };
      where = 'keyWhere' in inside ? (inside as YamlField).keyWhere : inside.where;
      value = inside;
    }
    return { value, where };
  };

  const spanOf = ({ node, where }: YamlValue): LineSpan | undefined => {
    const [start, end] = node?.range ?? [];
    if (start === undefined || end === undefined) return undefined;
    const first = lines.linePos(start).line;
    const last = lines.linePos(start + Math.max(0, text.slice(start, end).trimEnd().length - 1)).line;
    return first === where.line ? { first, last } : undefined;
  };

  return {
    root,
    lines: text.split(/\r?\n/),
    span: spanOf,
    locate: (path) => follow(path).where,
    isList: (path) => isSeq(follow(path).value?.node),
    toPlain: (value) => {
      try {
        return value.node?.toJS(document, { maxAliasCount: MAX_ALIASES }) ?? null;
      } catch (error) {
        throw new CogplanError('COGPLAN_SPEC_SYNTAX', `the value cannot be expanded: ${describe(error)}`, {
          where: value.where,
          cause: error,
        });
      }
    },
    textOf: ({ node }) => text.slice(node?.range?.[0] ?? 0, node?.range?.[1] ?? 0).trimEnd(),
    fields: (value) => fieldsOf(value),
    items: itemsOf,
  };
}

// YAML allows tab, line feed and carriage return only.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** `*.py` is an alias and `!ls` a tag, to YAML: what neither names is mostly text that lacks its quotes. */
function refuseUnknown(document: Document, text: string, file: string): void {
  const tag = document.warnings.find(({ code }) => code === 'TAG_RESOLVE_FAILED');
  if (tag !== undefined) {
    const name = /^!\S*/.exec(text.slice(tag.pos[0]))?.[0] ?? '!';
    const hint = 'Quote the whole value if it is text; a tag has no meaning here.';
    throw yamlProblem(text, file, { offset: tag.pos[0], reason: `the tag ${name} is not known`, hint });
  }
  visit(document, {
    Alias: (_key, node) => {
      if (node.resolve(document) !== undefined) return;
      const reason = `*${node.source} stands for nothing: there is no &${node.source} before it`;
      const hint = 'Quote the whole value if it is text: "*" has a meaning of its own in YAML.';
      throw yamlProblem(text, file, { offset: node.range?.[0] ?? 0, reason, hint });
    },
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

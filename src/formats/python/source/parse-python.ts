import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';
import { decodeContent, literalShape } from './string-literal.ts';
import type {
  Argument,
  ComprehensionLoop,
  DictEntry,
  Expression,
  FormatPart,
  FunctionNode,
  Parameter,
  Statement,
} from './syntax.ts';

/*
 * From the syntax tree of @lezer/python to ours. The parser never fails: what it does not understand it marks, and a file with such a mark
 * is `broken`, which may be the file's fault or that of a newer Python.
 */

export interface ParsedFile {
  readonly body: readonly Statement[];
  /** Offset of the first place that was not understood. */
  readonly broken: number | undefined;
}

/** No one writes more in one file; generated data of this size is not read. */
export const MAX_SOURCE = 1024 * 1024;
/** Deeper expressions are `other`. */
const MAX_DEPTH = 200;

/** Reads at most MAX_SOURCE characters; longer text counts as broken at its start. */
export function parsePython(text: string): ParsedFile {
  if (text.length > MAX_SOURCE) return { body: [], broken: 0 };
  const tree = parser.parse(text.replace(FLOAT_WITH_LAST_POINT, '$1 '));
  let broken: number | undefined;
  tree.iterate({
    enter: (node) => {
      if (node.type.isError && broken === undefined && !isFalseAlarm(node.node)) broken = node.from;
      return broken === undefined;
    },
  });
  return { body: new Converter(text).statements(tree.topNode), broken };
}

/** `20.`, which the grammar does not know; what is said of it is read from the text itself. */
const FLOAT_WITH_LAST_POINT = /(?<![\w.])(\d[\d_]*)\.(?![\w.])/g;

/** Of these the grammar makes an error without losing its way: a `yield` alone. */
function isFalseAlarm(node: SyntaxNode): boolean {
  return node.parent?.name === 'YieldStatement' && node.from === node.to;
}

/** One expression, such as an annotation written as a string; undefined if it is anything else. */
export function parseExpression(text: string): Expression | undefined {
  const { body, broken } = parsePython(`(${text}\n)`);
  const [statement] = body;
  return broken === undefined && body.length === 1 && statement?.kind === 'expression' ? statement.value : undefined;
}

class Converter {
  readonly #text: string;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  statements(parent: SyntaxNode): readonly Statement[] {
    if (this.#depth >= MAX_DEPTH) return [];
    this.#depth++;
    const statements = childrenOf(parent).flatMap((node) => this.#statement(node, []));
    this.#depth--;
    return statements;
  }

  #statement(node: SyntaxNode, decorators: readonly Expression[]): readonly Statement[] {
    const at = node.from;
    const children = childrenOf(node);
    switch (node.name) {
      case 'ImportStatement':
        return [this.#import(node, children)];
      case 'AssignStatement':
        return [this.#assign(node, children)];
      case 'UpdateStatement': {
        const [target, , ...value] = children;
        return target === undefined
          ? []
          : [{ kind: 'augment', at, target: this.#expression(target), value: this.#joined(value, at) }];
      }
      case 'ExpressionStatement':
        return [{ kind: 'expression', at, value: this.#joined(children, at) }];
      case 'ReturnStatement': {
        const value = children.slice(1);
        return [{ kind: 'return', at, value: value.length === 0 ? undefined : this.#joined(value, at) }];
      }
      case 'DecoratedStatement': {
        const found = children.filter((child) => child.name === 'Decorator').map((child) => this.#decorator(child));
        const definition = children.find((child) => child.name.endsWith('Definition'));
        return definition === undefined ? [] : this.#statement(definition, found);
      }
      case 'ClassDefinition': {
        const name = children.find((child) => child.name === 'VariableName');
        const bases = children.find((child) => child.name === 'ArgList');
        return [
          {
            kind: 'class',
            at,
            name: this.#textOf(name),
            bases: bases === undefined ? [] : this.#arguments(bases),
            decorators,
            body: this.#body(children),
          },
        ];
      }
      case 'FunctionDefinition':
        return [this.#function(node, children, decorators)];
      case 'IfStatement':
      case 'TryStatement':
      case 'WithStatement':
      case 'ForStatement':
      case 'WhileStatement':
      case 'MatchStatement':
        return [this.#block(node, children)];
      case 'StatementGroup':
      case 'PassStatement':
      case 'Comment':
        return this.statements(node);
      case ';':
      case 'pass':
        return [];
      default:
        if (/^[^A-Za-z]|^[a-z]/.test(node.name)) return [];
        return [{ kind: 'other', at, children: this.#all(children) }];
    }
  }

  #import(node: SyntaxNode, children: readonly SyntaxNode[]): Statement {
    const at = node.from;
    const words = children.map((child) => this.#textOf(child));
    const start = words.indexOf('import');
    const names: { name: string; as: string; renamed: boolean }[] = [];
    let current = '';
    let as: string | undefined;
    const end = (): void => {
      if (current !== '') names.push({ name: current, as: as ?? current, renamed: as !== undefined });
      current = '';
      as = undefined;
    };
    for (let index = start + 1; index < words.length; index++) {
      const word = words[index] ?? '';
      if (word === ',') end();
      else if (word === 'as') as = words[++index];
      else if (word !== '(' && word !== ')') current += word;
    }
    end();
    if (words[0] !== 'from') {
      const modules = names.map(({ name, as: alias, renamed }) =>
        renamed ? { module: name, as: alias } : { module: name },
      );
      return { kind: 'import', at, modules };
    }
    const from = words.slice(1, start).join('');
    const level = /^\.*/.exec(from)?.[0].length ?? 0;
    return { kind: 'from', at, level, module: from.slice(level), names: names.map(({ name, as }) => ({ name, as })) };
  }

  #assign(node: SyntaxNode, children: readonly SyntaxNode[]): Statement {
    const groups: SyntaxNode[][] = [[]];
    let annotation: Expression | undefined;
    for (const child of children) {
      if (child.name === 'AssignOp') groups.push([]);
      else if (child.name === 'TypeDef') annotation = this.#annotation(child);
      else groups.at(-1)?.push(child);
    }
    const value = groups.length > 1 ? groups.pop() : undefined;
    return {
      kind: 'assign',
      at: node.from,
      targets: groups.map((group) => this.#joined(group, node.from)),
      annotation,
      value: value === undefined ? undefined : this.#joined(value, node.from),
    };
  }

  #function(node: SyntaxNode, children: readonly SyntaxNode[], decorators: readonly Expression[]): FunctionNode {
    const list = children.find((child) => child.name === 'ParamList');
    const returns = children.find((child) => child.name === 'TypeDef');
    return {
      kind: 'function',
      at: node.from,
      name: this.#textOf(children.find((child) => child.name === 'VariableName')),
      isAsync: children.some((child) => child.name === 'async'),
      parameters: list === undefined ? [] : this.#parameters(list),
      returns: returns === undefined ? undefined : this.#annotation(returns),
      decorators,
      body: this.#body(children),
    };
  }

  #parameters(list: SyntaxNode): readonly Parameter[] {
    const parameters: Parameter[] = [];
    let how: Parameter['how'] = 'plain';
    let star: '' | '*' | '**' = '';
    let previousEnd = list.from;
    const children = childrenOf(list);
    for (const [index, child] of children.entries()) {
      // The tree has no node for the slash.
      if (this.#text.slice(previousEnd, child.from).replace(/#.*/g, '').includes('/')) {
        for (const [place, parameter] of parameters.entries()) {
          if (parameter.how === 'plain') parameters[place] = { ...parameter, how: 'positional-only' };
        }
      }
      previousEnd = child.to;
      if (child.name === '*' || child.name === '**') star = child.name;
      else if (child.name === ',') {
        if (star === '*') how = 'keyword-only';
        star = '';
      } else if (child.name === 'VariableName' && children[index - 1]?.name !== 'AssignOp') {
        const next = children[index + 1];
        const annotation = next?.name === 'TypeDef' ? next : undefined;
        const assigned = children[index + (annotation === undefined ? 1 : 2)];
        const value = children[index + (annotation === undefined ? 2 : 3)];
        parameters.push({
          name: this.#textOf(child),
          at: child.from,
          how: star === '*' ? 'star' : star === '**' ? 'double-star' : how,
          annotation: annotation === undefined ? undefined : this.#annotation(annotation),
          default: assigned?.name === 'AssignOp' && value !== undefined ? this.#expression(value) : undefined,
        });
        if (star === '*') how = 'keyword-only';
        star = '';
      }
    }
    return parameters;
  }

  #block(node: SyntaxNode, children: readonly SyntaxNode[]): Statement {
    const how = { IfStatement: 'if', TryStatement: 'try', WithStatement: 'with' }[node.name];
    const loop = node.name === 'ForStatement' || node.name === 'WhileStatement';
    const bodies = children.filter((child) => child.name === 'Body').map((body) => this.statements(body));
    const matched = children
      .filter((child) => child.name === 'MatchBody')
      .flatMap((body) => childrenOf(body))
      .flatMap((clause) => childrenOf(clause).filter((child) => child.name === 'Body'))
      .map((body) => this.statements(body));
    const binds: Expression[] = [];
    const head: Expression[] = [];
    let binding = node.name === 'ForStatement';
    for (const child of children) {
      if (child.name === 'as') binding = true;
      else if (child.name === 'in' || child.name === ',') {
        if (child.name === 'in' || node.name !== 'ForStatement') binding = false;
      } else if (isExpression(child)) (binding ? binds : head).push(this.#expression(child));
    }
    return {
      kind: 'block',
      at: node.from,
      how: loop ? 'loop' : ((how as 'if' | 'try' | 'with' | undefined) ?? 'other'),
      head,
      bodies: [...bodies, ...matched],
      binds,
    };
  }

  #decorator(node: SyntaxNode): Expression {
    const children = childrenOf(node).filter((child) => child.name !== 'At');
    const [first, ...rest] = children;
    if (first === undefined) return { kind: 'other', at: node.from, children: [] };
    let expression = this.#expression(first);
    for (const child of rest) {
      if (child.name === 'ArgList') {
        expression = { kind: 'call', at: node.from, callee: expression, args: this.#arguments(child) };
      } else if (child.name !== '.') {
        expression = { kind: 'attribute', at: node.from, value: expression, name: this.#textOf(child) };
      }
    }
    return expression;
  }

  #body(children: readonly SyntaxNode[]): readonly Statement[] {
    const body = children.find((child) => child.name === 'Body');
    return body === undefined ? [] : this.statements(body);
  }

  #annotation(node: SyntaxNode): Expression {
    return this.#joined(
      childrenOf(node).filter((child) => child.name !== ':' && child.name !== '->'),
      node.from,
    );
  }

  /** What stands side by side, separated by commas: one expression, or a tuple. */
  #joined(nodes: readonly SyntaxNode[], at: number): Expression {
    const [only] = nodes;
    if (nodes.length === 1 && only !== undefined) return this.#expression(only);
    return { kind: 'tuple', at, items: this.#items(nodes) };
  }

  #items(nodes: readonly SyntaxNode[]): readonly Expression[] {
    const items: Expression[] = [];
    let star = false;
    for (const node of nodes) {
      if (node.name === '*') star = true;
      else if (isExpression(node)) {
        const value = this.#expression(node);
        items.push(star ? { kind: 'star', at: node.from, value } : value);
        star = false;
      }
    }
    return items;
  }

  #all(nodes: readonly SyntaxNode[]): readonly Expression[] {
    return nodes.filter(isExpression).map((node) => this.#expression(node));
  }

  #arguments(list: SyntaxNode): readonly Argument[] {
    const args: Argument[] = [];
    const children = childrenOf(list);
    if (children.some((child) => child.name === 'for')) {
      return [{ how: 'positional', name: '', value: this.#comprehension(list, children, 'generator') }];
    }
    let how: Argument['how'] = 'positional';
    for (let index = 0; index < children.length; index++) {
      const child = children[index];
      if (child === undefined) continue;
      if (child.name === '*') how = 'star';
      else if (child.name === '**') how = 'double-star';
      else if (child.name === ',') how = 'positional';
      else if (isExpression(child)) {
        const value = children[index + 2];
        if (children[index + 1]?.name === 'AssignOp' && value !== undefined) {
          args.push({ how: 'keyword', name: this.#textOf(child), value: this.#expression(value) });
          index += 2;
        } else args.push({ how, name: '', value: this.#expression(child) });
      }
    }
    return args;
  }

  #expression(node: SyntaxNode): Expression {
    if (this.#depth >= MAX_DEPTH) return { kind: 'other', at: node.from, children: [] };
    this.#depth++;
    const expression = this.#expressionAt(node);
    this.#depth--;
    return expression;
  }

  #expressionAt(node: SyntaxNode): Expression {
    const at = node.from;
    const children = childrenOf(node);
    switch (node.name) {
      case 'VariableName':
        return { kind: 'name', at, name: this.#textOf(node) };
      case 'None':
        return { kind: 'none', at };
      case 'Ellipsis':
        return { kind: 'ellipsis', at };
      case 'Boolean':
        return { kind: 'boolean', at, value: this.#textOf(node) === 'True' };
      case 'Number': {
        const text = this.#textOf(node);
        const float = /^\d[\d_]*$/.test(text) && this.#text[node.to] === '.';
        return numberOf(float ? `${text}.` : text, at);
      }
      case 'String':
      case 'FormatString':
      case 'ContinuedString':
        return this.#string(node, children);
      case 'ParenthesizedExpression': {
        const inner = children.slice(1, -1);
        if (inner.some((child) => child.name === 'for')) return this.#comprehension(node, children, 'generator');
        return this.#joined(inner, at);
      }
      case 'ArrayExpression':
        return { kind: 'list', at, items: this.#items(children) };
      case 'TupleExpression':
        return { kind: 'tuple', at, items: this.#items(children) };
      case 'SetExpression':
        return { kind: 'set', at, items: this.#items(children) };
      case 'DictionaryExpression':
        return { kind: 'dict', at, entries: this.#entries(children) };
      case 'ArrayComprehensionExpression':
        return this.#comprehension(node, children, 'list');
      case 'SetComprehensionExpression':
        return this.#comprehension(node, children, 'set');
      case 'DictionaryComprehensionExpression':
        return this.#comprehension(node, children, 'dict');
      case 'ComprehensionExpression':
        return this.#comprehension(node, children, 'generator');
      case 'MemberExpression':
        return this.#member(node, children);
      case 'CallExpression': {
        const [callee, list] = children;
        if (callee === undefined || list === undefined) break;
        return { kind: 'call', at, callee: this.#expression(callee), args: this.#arguments(list) };
      }
      case 'UnaryExpression': {
        const [operator, operand] = children;
        if (operator === undefined || operand === undefined) break;
        return { kind: 'unary', at, operator: this.#textOf(operator), operand: this.#expression(operand) };
      }
      case 'BinaryExpression': {
        const [left, right] = [children[0], children.at(-1)];
        if (left === undefined || right === undefined || children.length < 3) break;
        const operator = children
          .slice(1, -1)
          .map((child) => this.#textOf(child))
          .join(' ');
        return { kind: 'binary', at, operator, left: this.#expression(left), right: this.#expression(right) };
      }
    }
    return { kind: 'other', at, children: this.#all(children) };
  }

  #member(node: SyntaxNode, children: readonly SyntaxNode[]): Expression {
    const at = node.from;
    const [value, mark, ...rest] = children;
    const property = rest[0];
    if (value === undefined || mark === undefined || property === undefined) {
      return { kind: 'other', at, children: this.#all(children) };
    }
    if (mark.name === '.') {
      return { kind: 'attribute', at, value: this.#expression(value), name: this.#textOf(property) };
    }
    const inner = rest.slice(0, -1);
    const index: Expression = inner.some((child) => child.name === ':')
      ? { kind: 'other', at: property.from, children: this.#all(inner) }
      : this.#joined(inner, property.from);
    return { kind: 'subscript', at, value: this.#expression(value), index };
  }

  #entries(children: readonly SyntaxNode[]): readonly DictEntry[] {
    const entries: DictEntry[] = [];
    let key: Expression | undefined;
    for (const child of children) {
      if (child.name === ',' || child.name === '**') key = undefined;
      else if (isExpression(child)) {
        const next = child.nextSibling;
        if (key === undefined && next?.name === ':') key = this.#expression(child);
        else {
          entries.push({ key, value: this.#expression(child) });
          key = undefined;
        }
      }
    }
    return entries;
  }

  #comprehension(
    node: SyntaxNode,
    children: readonly SyntaxNode[],
    of: 'list' | 'set' | 'dict' | 'generator',
  ): Expression {
    const at = node.from;
    const start = children.findIndex((child) => child.name === 'for' || child.name === 'async');
    const [element, value] = children.slice(0, Math.max(start, 0)).filter(isExpression);
    if (element === undefined || children.some((child) => child.name === 'async')) {
      return { kind: 'other', at, children: this.#all(children) };
    }
    const loops: { target: Expression; over: Expression; conditions: Expression[] }[] = [];
    let targets: SyntaxNode[] = [];
    let state: 'target' | 'over' | 'condition' = 'target';
    for (const child of children.slice(start)) {
      if (child.name === 'for') [state, targets] = ['target', []];
      else if (child.name === 'in') state = 'over';
      else if (child.name === 'if') state = 'condition';
      else if (child.name === ',' || isExpression(child)) {
        if (state === 'target') targets.push(child);
        else if (child.name === ',') continue;
        else if (state === 'over') {
          loops.push({ target: this.#joined(targets, at), over: this.#expression(child), conditions: [] });
        } else loops.at(-1)?.conditions.push(this.#expression(child));
      }
    }
    const done: readonly ComprehensionLoop[] = loops;
    const base = { kind: 'comprehension', at, of, element: this.#expression(element), loops: done } as const;
    return of === 'dict' && value !== undefined ? { ...base, value: this.#expression(value) } : base;
  }

  #string(node: SyntaxNode, children: readonly SyntaxNode[]): Expression {
    const at = node.from;
    const literals = node.name === 'ContinuedString' ? children : [node];
    const parts: (string | FormatPart)[] = [];
    for (const literal of literals) {
      const found = this.#literal(literal);
      if (found === 'bytes') return { kind: 'bytes', at };
      if (found === undefined) return { kind: 'other', at, children: [] };
      parts.push(...found);
    }
    if (parts.every((part) => typeof part === 'string')) return { kind: 'string', at, value: parts.join('') };
    return { kind: 'format', at, parts };
  }

  #literal(node: SyntaxNode): readonly (string | FormatPart)[] | 'bytes' | undefined {
    const text = this.#textOf(node);
    const shape = literalShape(text);
    if (shape === undefined) return undefined;
    if (shape.prefix.includes('b')) return 'bytes';
    const raw = shape.prefix.includes('r');
    if (node.name === 'String') {
      const value = decodeContent(text.slice(shape.start, shape.end), raw);
      return value === undefined ? undefined : [value];
    }
    const parts: (string | FormatPart)[] = [];
    let from = shape.start;
    const take = (to: number): boolean => {
      const value = decodeContent(text.slice(from, to).replace(/\{\{/g, '{').replace(/\}\}/g, '}'), raw);
      if (value !== undefined && value !== '') parts.push(value);
      return value !== undefined;
    };
    for (const child of childrenOf(node)) {
      if (child.name !== 'FormatReplacement') continue;
      if (!take(child.from - node.from)) return undefined;
      from = child.to - node.from;
      const inner = childrenOf(child);
      const value = inner.find(isExpression);
      if (value === undefined) return undefined;
      const plain = !inner.some((one) => /^Format(?:Conversion|Spec|SelfDoc)$/.test(one.name));
      parts.push({ value: this.#expression(value), plain });
    }
    return take(shape.end) ? parts : undefined;
  }

  #textOf(node: SyntaxNode | undefined): string {
    return node === undefined ? '' : this.#text.slice(node.from, node.to);
  }
}

function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== 'Comment') children.push(child);
  }
  return children;
}

const EXPRESSION =
  /(?:Expression|String)$|^(?:VariableName|None|Ellipsis|Boolean|Number|PropertyName|Number|YieldStatement)$/;

function isExpression(node: SyntaxNode): boolean {
  return EXPRESSION.test(node.name);
}

function numberOf(text: string, at: number): Expression {
  const plain = text.replaceAll('_', '').toLowerCase();
  if (plain.endsWith('j')) return { kind: 'other', at, children: [] };
  if (/^(?:\d+|0x[0-9a-f]+|0o[0-7]+|0b[01]+)$/.test(plain)) return { kind: 'integer', at, value: BigInt(plain) };
  const value = Number(plain);
  return Number.isNaN(value) ? { kind: 'other', at, children: [] } : { kind: 'float', at, value };
}

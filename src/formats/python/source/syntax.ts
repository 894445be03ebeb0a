/*
 * Python source as far as reading a model without running it needs it: what binds names, and expressions. Everything else is `other`,
 * which readers treat as not known. `at` is an offset into the file's text.
 */

interface Node {
  readonly at: number;
}

export type Expression = Node &
  (
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'attribute'; readonly value: Expression; readonly name: string }
    | { readonly kind: 'call'; readonly callee: Expression; readonly args: readonly Argument[] }
    /** Several indices make one tuple, as in Python. */
    | { readonly kind: 'subscript'; readonly value: Expression; readonly index: Expression }
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'bytes' }
    | { readonly kind: 'format'; readonly parts: readonly (string | FormatPart)[] }
    | { readonly kind: 'integer'; readonly value: bigint }
    | { readonly kind: 'float'; readonly value: number }
    | { readonly kind: 'boolean'; readonly value: boolean }
    | { readonly kind: 'none' | 'ellipsis' }
    | { readonly kind: 'list' | 'tuple' | 'set'; readonly items: readonly Expression[] }
    | { readonly kind: 'dict'; readonly entries: readonly DictEntry[] }
    | { readonly kind: 'star'; readonly value: Expression }
    | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
    | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
    | {
        readonly kind: 'comprehension';
        readonly of: 'list' | 'set' | 'dict' | 'generator';
        readonly element: Expression;
        /** Of a dictionary only; `element` is its key then. */
        readonly value?: Expression;
        readonly loops: readonly ComprehensionLoop[];
      }
    | { readonly kind: 'other'; readonly children: readonly Expression[] }
  );

export interface Argument {
  readonly how: 'positional' | 'star' | 'keyword' | 'double-star';
  /** Of a keyword. */
  readonly name: string;
  readonly value: Expression;
}

export interface FormatPart {
  readonly value: Expression;
  /** `{x}`, without conversion and format. */
  readonly plain: boolean;
}

export interface DictEntry {
  /** Undefined for `**other`. */
  readonly key: Expression | undefined;
  readonly value: Expression;
}

export interface ComprehensionLoop {
  readonly target: Expression;
  readonly over: Expression;
  readonly conditions: readonly Expression[];
}

export interface Parameter {
  readonly name: string;
  readonly at: number;
  readonly how: 'positional-only' | 'plain' | 'star' | 'keyword-only' | 'double-star';
  readonly annotation?: Expression | undefined;
  readonly default?: Expression | undefined;
}

export type ClassNode = Node & {
  readonly kind: 'class';
  readonly name: string;
  readonly bases: readonly Argument[];
  readonly decorators: readonly Expression[];
  readonly body: readonly Statement[];
};

export type FunctionNode = Node & {
  readonly kind: 'function';
  readonly name: string;
  readonly isAsync: boolean;
  readonly parameters: readonly Parameter[];
  readonly returns?: Expression | undefined;
  readonly decorators: readonly Expression[];
  readonly body: readonly Statement[];
};

export type Statement =
  | ClassNode
  | FunctionNode
  | (Node &
      (
        | { readonly kind: 'import'; readonly modules: readonly { readonly module: string; readonly as?: string }[] }
        | {
            readonly kind: 'from';
            /** Leading dots. */
            readonly level: number;
            readonly module: string;
            /** `*` as a name stands for all. */
            readonly names: readonly { readonly name: string; readonly as: string }[];
          }
        | {
            readonly kind: 'assign';
            readonly targets: readonly Expression[];
            readonly annotation?: Expression | undefined;
            /** Absent in `x: int`. */
            readonly value?: Expression | undefined;
          }
        | { readonly kind: 'augment'; readonly target: Expression; readonly value: Expression }
        | { readonly kind: 'expression'; readonly value: Expression }
        | { readonly kind: 'return'; readonly value?: Expression | undefined }
        | {
            readonly kind: 'block';
            readonly how: 'if' | 'try' | 'with' | 'loop' | 'other';
            readonly head: readonly Expression[];
            readonly bodies: readonly (readonly Statement[])[];
            /** What the head binds: loop variables, `as` names. */
            readonly binds: readonly Expression[];
          }
        | { readonly kind: 'other'; readonly children: readonly Expression[] }
      ));

/** The expressions directly inside another. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'attribute':
    case 'star':
      return [expression.value];
    case 'call':
      return [expression.callee, ...expression.args.map((argument) => argument.value)];
    case 'subscript':
      return [expression.value, expression.index];
    case 'format':
      return expression.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.value]));
    case 'list':
    case 'tuple':
    case 'set':
      return expression.items;
    case 'dict':
      return expression.entries.flatMap(({ key, value }) => (key === undefined ? [value] : [key, value]));
    case 'unary':
      return [expression.operand];
    case 'binary':
      return [expression.left, expression.right];
    case 'comprehension':
      return [
        expression.element,
        ...(expression.value === undefined ? [] : [expression.value]),
        ...expression.loops.flatMap((loop) => [loop.target, loop.over, ...loop.conditions]),
      ];
    case 'other':
      return expression.children;
    default:
      return [];
  }
}

/** The expressions directly inside a statement; those of the statements inside it are not among them. */
export function expressionsOf(statement: Statement): readonly Expression[] {
  const present = (...items: readonly (Expression | undefined)[]): readonly Expression[] =>
    items.filter((item) => item !== undefined);
  switch (statement.kind) {
    case 'assign':
      return present(...statement.targets, statement.annotation, statement.value);
    case 'augment':
      return [statement.target, statement.value];
    case 'expression':
      return [statement.value];
    case 'return':
      return present(statement.value);
    case 'block':
      return statement.head;
    case 'class':
      return [...statement.decorators, ...statement.bases.map((base) => base.value)];
    case 'function':
      return [
        ...statement.decorators,
        ...statement.parameters.flatMap((parameter) => present(parameter.annotation, parameter.default)),
        ...present(statement.returns),
      ];
    case 'other':
      return statement.children;
    default:
      return [];
  }
}

/** The statements directly inside another. */
export function bodiesOf(statement: Statement): readonly (readonly Statement[])[] {
  if (statement.kind === 'block') return statement.bodies;
  return statement.kind === 'class' || statement.kind === 'function' ? [statement.body] : [];
}

import { CogplanError } from '../../errors.ts';
import { normalizeName } from './name.ts';
import { parseSpecifier, satisfies } from './specifier.ts';
import { parseVersion } from './version.ts';

/** The environment a marker is evaluated in: the variables of PEP 508, `extra` excepted. */
export interface MarkerEnvironment {
  readonly implementation_name: string;
  readonly implementation_version: string;
  readonly os_name: string;
  readonly platform_machine: string;
  readonly platform_python_implementation: string;
  readonly platform_release: string;
  readonly platform_system: string;
  readonly platform_version: string;
  readonly python_full_version: string;
  readonly python_version: string;
  readonly sys_platform: string;
}

export type MarkerVariable = keyof MarkerEnvironment | 'extra';
export type MarkerOperator = '<' | '<=' | '==' | '!=' | '>=' | '>' | '~=' | '===' | 'in' | 'not in';
export type MarkerOperand =
  | { readonly kind: 'variable'; readonly name: MarkerVariable }
  | { readonly kind: 'string'; readonly value: string };
export interface MarkerComparison {
  readonly kind: 'comparison';
  readonly left: MarkerOperand;
  readonly operator: MarkerOperator;
  readonly right: MarkerOperand;
}
export type Marker = MarkerComparison | { readonly kind: 'and' | 'or'; readonly terms: readonly Marker[] };

const VARIABLES: ReadonlySet<string> = new Set([
  'implementation_name',
  'implementation_version',
  'os_name',
  'platform_machine',
  'platform_python_implementation',
  'platform_release',
  'platform_system',
  'platform_version',
  'python_full_version',
  'python_version',
  'sys_platform',
  'extra',
] satisfies MarkerVariable[]);

// Spellings from before PEP 508 that old metadata still carries.
const LEGACY_VARIABLES: Readonly<Record<string, MarkerVariable>> = {
  'os.name': 'os_name',
  'sys.platform': 'sys_platform',
  'platform.version': 'platform_version',
  'platform.machine': 'platform_machine',
  'platform.python_implementation': 'platform_python_implementation',
  python_implementation: 'platform_python_implementation',
};

const VERSION_VARIABLES: ReadonlySet<MarkerVariable> = new Set([
  'implementation_version',
  'platform_release',
  'python_full_version',
  'python_version',
]);

const TOKEN = /\s*(?:([()])|(===|~=|==|!=|<=|>=|<|>)|'([^']*)'|"([^"]*)"|(not\s+in|[a-z][a-z0-9_.]*))/iy;
const MAX_DEPTH = 64;
const MAX_LENGTH = 32_768;

/**
 * Parses an environment marker, the part of a requirement after `;`.
 * https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
 */
export function parseMarker(text: string): Marker {
  if (text.length > MAX_LENGTH) throw invalid(text.slice(0, 80), 'it is too long');
  const tokens = tokenize(text);
  let position = 0;

  const marker = parseOr(0);
  if (position < tokens.length) throw invalid(text, `"${tokens[position]?.text}" is not expected after a whole marker`);
  return marker;

  function parseOr(depth: number): Marker {
    return parseSeries('or', () => parseSeries('and', () => parseTerm(depth)));
  }

  function parseSeries(kind: 'and' | 'or', parse: () => Marker): Marker {
    const terms = [parse()];
    while (tokens[position]?.kind === 'word' && tokens[position]?.text === kind) {
      position++;
      terms.push(parse());
    }
    const [only] = terms;
    return terms.length === 1 && only !== undefined ? only : { kind, terms };
  }

  function parseTerm(depth: number): Marker {
    if (depth > MAX_DEPTH) throw invalid(text, 'it is nested too deeply');
    if (tokens[position]?.text === '(' && tokens[position]?.kind === 'parenthesis') {
      position++;
      const inner = parseOr(depth + 1);
      if (tokens[position]?.text !== ')') throw invalid(text, 'a closing parenthesis is missing');
      position++;
      return inner;
    }
    const left = parseOperand();
    const token = tokens[position++];
    const isOperator =
      token !== undefined &&
      (token.kind === 'operator' || (token.kind === 'word' && /^(?:in|not in)$/.test(token.text)));
    if (!isOperator) throw invalid(text, 'a comparison operator is missing');
    const operator = token.text as MarkerOperator;
    return { kind: 'comparison', left, operator, right: parseOperand() };
  }

  function parseOperand(): MarkerOperand {
    const token = tokens[position++];
    if (token === undefined) throw invalid(text, 'it ends too early');
    if (token.kind === 'string') return { kind: 'string', value: token.text };
    const name = LEGACY_VARIABLES[token.text] ?? token.text;
    if (token.kind !== 'word' || !VARIABLES.has(name)) {
      throw invalid(text, `"${token.text}" is neither a marker variable nor a quoted string`);
    }
    return { kind: 'variable', name: name as MarkerVariable };
  }
}

/** The normal form: double quotes, single spaces, parentheses only where they are needed. */
export function formatMarker(marker: Marker): string {
  if (marker.kind === 'comparison') {
    return `${formatOperand(marker.left)} ${marker.operator} ${formatOperand(marker.right)}`;
  }
  return marker.terms
    .map((term) => (marker.kind === 'and' && term.kind === 'or' ? `(${formatMarker(term)})` : formatMarker(term)))
    .join(` ${marker.kind} `);
}

/**
 * Whether a marker holds in `environment` for at least one of `extras`; without extras, as if the one extra were empty. A
 * comparison that PEP 508 leaves undefined, such as `sys_platform ~= "linux"`, is COGPLAN_MARKER_INVALID.
 */
export function evaluateMarker(
  marker: Marker,
  environment: MarkerEnvironment,
  extras: readonly string[] = [],
): boolean {
  return (extras.length === 0 ? [''] : extras).some((extra) => evaluate(marker, environment, extra));
}

function evaluate(marker: Marker, environment: MarkerEnvironment, extra: string): boolean {
  if (marker.kind === 'comparison') return compare(marker, environment, extra);
  const holds = (term: Marker): boolean => evaluate(term, environment, extra);
  return marker.kind === 'and' ? marker.terms.every(holds) : marker.terms.some(holds);
}

function compare(comparison: MarkerComparison, environment: MarkerEnvironment, extra: string): boolean {
  const { left, operator, right } = comparison;
  const value = (operand: MarkerOperand): string => {
    if (operand.kind === 'string') return operand.value;
    return operand.name === 'extra' ? extra : environment[operand.name];
  };
  const variable = left.kind === 'variable' ? left.name : right.kind === 'variable' ? right.name : undefined;
  const [leftValue, rightValue] = [value(left), value(right)];
  if (variable === 'extra')
    return compareText(normalizeName(leftValue), operator, normalizeName(rightValue), comparison);
  if (variable !== undefined && VERSION_VARIABLES.has(variable) && operator !== 'in' && operator !== 'not in') {
    const specifier = parseSpecifier(`${operator}${rightValue}`);
    const version = parseVersion(leftValue);
    if (specifier !== undefined && version !== undefined) return satisfies(version, [specifier], true);
  }
  return compareText(leftValue, operator, rightValue, comparison);
}

function compareText(left: string, operator: MarkerOperator, right: string, marker: Marker): boolean {
  switch (operator) {
    case '==':
    case '===':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case 'in':
      return right.includes(left);
    case 'not in':
      return !right.includes(left);
    case '~=':
      throw invalid(formatMarker(marker), '"~=" compares versions only');
  }
}

interface Token {
  readonly kind: 'parenthesis' | 'operator' | 'string' | 'word';
  readonly text: string;
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const source = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null) throw invalid(text, `"${source.slice(start).trim().slice(0, 40)}" cannot be read`);
    const [, parenthesis, operator, single, double, word] = match;
    if (parenthesis !== undefined) tokens.push({ kind: 'parenthesis', text: parenthesis });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word.replace(/\s+/g, ' ') });
    else tokens.push({ kind: 'string', text: single ?? double ?? '' });
  }
  return tokens;
}

function formatOperand(operand: MarkerOperand): string {
  if (operand.kind === 'variable') return operand.name;
  return operand.value.includes('"') ? `'${operand.value}'` : `"${operand.value}"`;
}

function invalid(marker: string, reason: string): CogplanError {
  return new CogplanError(
    'COGPLAN_MARKER_INVALID',
    `the marker \`${marker.trim().slice(0, 300)}\` is not valid: ${reason}`,
    {
      hint: 'A marker looks like: python_version < "3.12" and sys_platform == "linux".',
    },
  );
}

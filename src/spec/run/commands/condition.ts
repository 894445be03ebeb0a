import { NUMBER_TESTS } from '../../../formats/debian/effects/number-tests.ts';
import { hasProgram, type Known, knownAt } from '../knows.ts';
import { notRead, type Rule, type RunState, type Status, type Understood } from '../run-state.ts';

const decided = (status: Status, what: string): Understood => ({
  class: 'none',
  why: status === 'unknown' ? `whether ${what} is not known` : `${status ? '' : 'not '}so: ${what}`,
  status,
});

/** `[ … ]` and `test …` (XCU test), of strings, numbers and files that commands placed. */
export const condition: Rule = (state, { name, words, output }) => {
  if (output !== undefined) return notRead('its output goes to a file');
  if (name === '[' && words.at(-1) !== ']') return notRead('[ without ]');
  const operands = name === '[' ? words.slice(0, -1) : words;
  return decided(evaluate(state, operands), operands.join(' '));
};

/** By the number of operands, as the standard has it. */
function evaluate(state: RunState, words: readonly string[]): Status {
  const [first = '', second = '', third = ''] = words;
  switch (words.length) {
    case 0:
      return false;
    case 1:
      return first !== '';
    case 2:
      return first === '!' ? second === '' : unary(state, first, second);
    case 3: {
      const binary = compare(state, first, second, third);
      if (binary !== undefined) return binary;
      if (first === '!') return not(evaluate(state, words.slice(1)));
      return first === '(' && third === ')' ? evaluate(state, [second]) : 'unknown';
    }
    case 4:
      if (first === '!') return not(evaluate(state, words.slice(1)));
      return first === '(' && words[3] === ')' ? evaluate(state, [second, third]) : 'unknown';
    default:
      return connected(state, words);
  }
}

/** `A -a B`, `A -o B`, without parentheses. */
function connected(state: RunState, words: readonly string[]): Status {
  if (words.includes('(') || words.includes(')')) return 'unknown';
  for (const [operator, decisive] of [
    ['-o', true],
    ['-a', false],
  ] as const) {
    const at = words.indexOf(operator);
    if (at <= 0) continue;
    const sides = [evaluate(state, words.slice(0, at)), evaluate(state, words.slice(at + 1))];
    if (sides.includes(decisive)) return decisive;
    return sides.includes('unknown') ? 'unknown' : !decisive;
  }
  return words[0] === '!' ? not(evaluate(state, words.slice(1))) : 'unknown';
}

function unary(state: RunState, operator: string, operand: string): Status {
  switch (operator) {
    case '-n':
      return operand !== '';
    case '-z':
      return operand === '';
    case '-e':
    case '-r':
    case '-w':
      return of(state, operand, (known) => known !== 'absent');
    case '-f':
      return of(state, operand, (known) => known === 'file');
    case '-d':
      return of(state, operand, (known) => known === 'directory');
    case '-x': {
      const item = state.at(state.resolve(operand));
      if (item?.kind === 'symlink') return 'unknown';
      const mode = item?.mode ?? 0o644;
      return of(state, operand, (known) => known === 'directory' || (known === 'file' && (mode & 0o111) !== 0));
    }
    case '-s': {
      const item = state.at(state.resolve(operand));
      if (item?.text !== undefined) return item.text !== '';
      return of(state, operand, (known) => (known === 'absent' ? false : known === 'directory' || 'unknown'));
    }
    case '-L':
    case '-h': {
      const item = state.at(state.resolve(operand));
      if (item !== undefined) return item.kind === 'symlink';
      return of(state, operand, (known) => (known === 'absent' ? false : 'unknown'));
    }
    default:
      return 'unknown';
  }
}

function of(state: RunState, path: string, read: (known: Exclude<Known, 'unknown'>) => Status): Status {
  if (path === '') return false;
  const known = knownAt(state, state.resolve(path));
  return known === 'unknown' ? 'unknown' : read(known);
}

function compare(state: RunState, left: string, operator: string, right: string): Status | undefined {
  const holds = NUMBER_TESTS.get(operator);
  if (holds !== undefined) {
    const areNumbers = /^-?\d{1,15}$/.test(left) && /^-?\d{1,15}$/.test(right);
    return areNumbers ? holds(Number(left) - Number(right)) : 'unknown';
  }
  switch (operator) {
    // `==` is an error in some shells, and is left to the one of the image.
    case '=':
      return state.concrete(left) === state.concrete(right);
    case '!=':
      return state.concrete(left) !== state.concrete(right);
    case '-a':
    case '-o': {
      const sides = [left !== '', right !== ''];
      return operator === '-a' ? !sides.includes(false) : sides.includes(true);
    }
    default:
      return undefined;
  }
}

function not(status: Status): Status {
  return status === 'unknown' ? status : !status;
}

/** `command -v NAME`, `which NAME`, `type NAME`, `hash NAME`. */
export const lookUp: Rule = (state, { name, words, output }) => {
  if (output !== undefined) return notRead('its output goes to a file');
  const names = words.filter((word) => !/^-[vVapPts]$/.test(word));
  if (names.length === 0 || names.some((word) => word.startsWith('-'))) return notRead(`${name} with other operands`);
  const known = names.map((word) =>
    word.startsWith('/') ? executable(state, word) : hasProgram(state, state.concrete(word)),
  );
  const status = known.includes(false) ? false : known.includes(undefined) ? 'unknown' : true;
  return { ...decided(status, `${names.join(', ')} is on the search path`), asksFor: 'program' };
};

function executable(state: RunState, path: string): boolean | undefined {
  const status = unary(state, '-x', path);
  return status === 'unknown' ? undefined : status;
}

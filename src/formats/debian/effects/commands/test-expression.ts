import type { Condition } from '../effect.ts';
import { NUMBER_TESTS } from '../number-tests.ts';
import type { Shell } from '../shell.ts';
import { both, either, negate, type Status } from '../status.ts';
import type { Value } from '../value.ts';

const PATH_TESTS: Readonly<Record<string, 'there' | 'file' | 'filled' | 'directory' | 'link' | 'executable'>> = {
  '-e': 'there',
  '-r': 'there',
  '-w': 'there',
  '-f': 'file',
  '-s': 'filled',
  '-d': 'directory',
  '-h': 'link',
  '-L': 'link',
  '-x': 'executable',
};

/** Parts of a running system that no image under construction has, and an administrator's switch that no package sets. */
const NEVER_THERE = /^\/(?:proc|sys|run\/systemd|run\/udev|dev\/(?!null)|etc\/staff-group-for-usr-local$)(?:\/|$)/;

/** Evaluates the operands of `test` (XCU, utility `test`), with the XSI operators `-a`, `-o` and parentheses. */
export function evaluateTest(shell: Shell, words: readonly Value[]): Status {
  const parser = new TestParser(shell, words);
  return parser.parse();
}

class TestParser {
  readonly #shell: Shell;
  readonly #words: readonly Value[];
  #position = 0;

  constructor(shell: Shell, words: readonly Value[]) {
    this.#shell = shell;
    this.#words = words;
  }

  parse(): Status {
    if (this.#words.length === 0) return false;
    const status = this.#either();
    if (this.#position < this.#words.length) this.#shell.fail('a test that is not understood');
    return status;
  }

  #either(): Status {
    let status = this.#both();
    while (this.#accept('-o')) status = either(status, this.#both());
    return status;
  }

  #both(): Status {
    let status = this.#primary();
    while (this.#accept('-a')) status = both(status, this.#primary());
    return status;
  }

  #primary(): Status {
    const left = this.#words.length - this.#position;
    const [first, second, third] = this.#words.slice(this.#position, this.#position + 3);
    if (first === undefined) return this.#shell.fail('a test that is not understood');
    if (left >= 3 && third !== undefined && typeof second === 'string' && isBinary(second)) {
      this.#position += 3;
      return compare(first, second, third);
    }
    if (first === '!' && left > 1) {
      this.#position++;
      return negate(this.#primary());
    }
    if (first === '(' && left > 2) {
      this.#position++;
      const status = this.#either();
      if (!this.#accept(')')) this.#shell.fail('a test that is not understood');
      return status;
    }
    if (typeof first === 'string' && /^-[a-zA-Z]$/.test(first) && second !== undefined && left > 1) {
      this.#position += 2;
      return this.#unary(first, second);
    }
    this.#position++;
    return isNonEmpty(first);
  }

  #unary(operator: string, operand: Value): Status {
    if (operator === '-n') return isNonEmpty(operand);
    if (operator === '-z') return negate(isNonEmpty(operand));
    if (operator === '-t') return false;
    const is = PATH_TESTS[operator];
    if (is === undefined) {
      return /^-[bcpSugkGON]$/.test(operator) ? 'unknown' : this.#shell.fail(`the test ${operator} is not known`);
    }
    if (typeof operand !== 'string') return operand.kind === 'program' ? program(operand.name) : 'unknown';
    if (operand === '') return false;
    const path = this.#shell.resolve(operand);
    if (path === '/dev/null') return true;
    return NEVER_THERE.test(path) ? false : { kind: 'path', path, is };
  }

  #accept(word: string): boolean {
    if (this.#words[this.#position] !== word) return false;
    this.#position++;
    return true;
  }
}

function program(name: string): Condition {
  return { kind: 'program', name };
}

function isBinary(word: string): boolean {
  return /^(?:=|==|!=|<|>|-eq|-ne|-lt|-le|-gt|-ge|-nt|-ot|-ef)$/.test(word);
}

function isNonEmpty(value: Value): Status {
  if (typeof value === 'string') return value !== '';
  if (value.kind === 'program') return program(value.name);
  if (value.kind === 'textWhen') return value.fact;
  return value.kind === 'oneOf' && !value.values.includes('') ? true : 'unknown';
}

function compare(left: Value, operator: string, right: Value): Status {
  if (typeof left === 'string' && typeof right === 'string') return compareStrings(left, operator, right);
  if (operator !== '=' && operator !== '==' && operator !== '!=') return 'unknown';
  const [text, other] = typeof left === 'string' ? [left, right] : [right, left];
  if (typeof text !== 'string' || typeof other === 'string') return 'unknown';
  if ((other.kind === 'program' || other.kind === 'textWhen') && text === '')
    return operator === '!=' ? isNonEmpty(other) : negate(isNonEmpty(other));
  if (other.kind !== 'oneOf' || other.values.includes(text)) return 'unknown';
  return operator === '!=';
}

function compareStrings(left: string, operator: string, right: string): Status {
  if (operator === '=' || operator === '==') return left === right;
  if (operator === '!=') return left !== right;
  const holds = NUMBER_TESTS.get(operator);
  if (holds === undefined || !/^-?\d+$/.test(left) || !/^-?\d+$/.test(right)) return 'unknown';
  return holds(Number(left) - Number(right));
}

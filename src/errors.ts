import type { ErrorCode } from './error-codes.ts';
import { ERROR_CODES } from './error-codes.ts';

/** Who has to act: the user's input, the outside world, a broken hash or seal, or us. */
export type ErrorFamily = 'input' | 'outside' | 'integrity' | 'bug';

/** A place in a file a person wrote. Lines and columns count from 1; `key` is a dotted path such as `build.run[2]`. */
export interface Where {
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  readonly key?: string | undefined;
}

export interface ErrorDetails {
  /** The thing the error is about: a package, a path, a URL without credentials. */
  readonly subject?: string | undefined;
  readonly where?: Where | undefined;
  /** What to do about it, as a sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** The one error class that reaches people. The code is contract; the message may be reworded. */
export class CogplanError extends Error {
  readonly code: ErrorCode;
  readonly family: ErrorFamily;
  readonly subject: string | undefined;
  readonly where: Where | undefined;
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(printable(message), details.cause === undefined ? {} : { cause: details.cause });
    this.name = 'CogplanError';
    this.code = code;
    this.family = ERROR_CODES[code].family;
    this.subject = details.subject === undefined ? undefined : printable(details.subject);
    this.where = details.where;
    this.hint = details.hint === undefined ? undefined : printable(details.hint);
    this.data = details.data;
  }
}

export function isCogplanError(value: unknown, code?: ErrorCode): value is CogplanError {
  return value instanceof CogplanError && (code === undefined || value.code === code);
}

/** An impossible state: thrown where only a bug in cogplan can lead. */
export function bug(message: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_BUG', message, { cause, hint: 'This is a bug in cogplan; please report it.' });
}

export function unreachable(value: never): never {
  throw bug(`unexpected value ${JSON.stringify(value)}`);
}

// C0 and C1 controls except newline and tab, and the bidirectional overrides and isolates.
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the purpose
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// Greedy, and without a word boundary: a password may hold @, and a scheme may follow any character.
// Bounded, so that a long word is not read again from each of its letters.
const USER_INFO = /([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/]*@/gi;

/** Text from outside, safe to print: no control or bidirectional characters, no user info in URLs. */
export function printable(text: string): string {
  return withoutUserInfo(text.replace(UNPRINTABLE, '\ufffd'));
}

/** The text with user names and passwords taken out of its URLs. */
export function withoutUserInfo(text: string): string {
  return text.replace(USER_INFO, '$1');
}

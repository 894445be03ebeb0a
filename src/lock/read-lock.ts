import { CogplanError } from '../errors.ts';
import { checkLock } from './check-lock.ts';
import { LOCK_VERSION } from './lock-version.ts';
import type { Lock } from './schema.generated.ts';
import { validate } from './validate.generated.ts';

const MAX_LOCK_BYTES = 64 * 1024 * 1024;

/**
 * Reads the text of a lock file. `file` is used in messages only.
 *
 * Errors: COGPLAN_LOCK_SYNTAX (not JSON, merge conflict; with line and column), COGPLAN_LOCK_VERSION (another format),
 * COGPLAN_LOCK_INVALID (breaks the schema or contradicts itself; with the path inside the lock).
 */
export function parseLock(text: string, file: string): Lock {
  if (text.length > MAX_LOCK_BYTES) {
    throw new CogplanError('COGPLAN_LOCK_INVALID', `${file} is larger than ${MAX_LOCK_BYTES} bytes`, {
      subject: file,
      where: { file },
    });
  }
  const value = parseJson(text, file);
  refuseOtherVersions(value, file);
  if (!isLock(value)) {
    const error = validator.errors?.[0];
    const path = error?.instancePath || '/';
    throw new CogplanError(
      'COGPLAN_LOCK_INVALID',
      `${file} is not a valid lock: ${path} ${error?.message ?? 'is wrong'}`,
      {
        subject: path,
        where: { file },
        hint: 'Restore the file from version control, or delete it and run `cogplan lock`.',
      },
    );
  }
  const contradiction = checkLock(value)[0];
  if (contradiction !== undefined) {
    throw new CogplanError('COGPLAN_LOCK_INVALID', `${file} contradicts itself: ${contradiction.text}`, {
      subject: contradiction.path,
      where: { file },
      hint: 'Restore the file from version control, or delete it and run `cogplan lock`.',
    });
  }
  return value;
}

function parseJson(text: string, file: string): unknown {
  const conflict = /^(<{7}|={7}|>{7})( |$)/m.exec(text);
  if (conflict !== null) {
    throw new CogplanError('COGPLAN_LOCK_SYNTAX', `${file} holds merge-conflict markers`, {
      subject: file,
      where: place(text, conflict.index, file),
      hint: 'Run `cogplan lock --merge` to resolve again from both sides.',
    });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : '');
    throw new CogplanError(
      'COGPLAN_LOCK_SYNTAX',
      `${file} is not JSON: ${error instanceof Error ? error.message : error}`,
      {
        subject: file,
        where: position === null ? { file } : place(text, Number(position[1]), file),
        cause: error,
        hint: 'Restore the file from version control, or delete it and run `cogplan lock`.',
      },
    );
  }
}

function place(text: string, offset: number, file: string): { file: string; line: number; column: number } {
  const before = text.slice(0, offset);
  return { file, line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function refuseOtherVersions(value: unknown, file: string): void {
  if (typeof value !== 'object' || value === null) return;
  const { lockVersion, writtenBy } = value as { lockVersion?: unknown; writtenBy?: unknown };
  if (typeof lockVersion !== 'number' || lockVersion === LOCK_VERSION) return;
  const writer = typeof writtenBy === 'string' ? `, written by ${writtenBy}` : '';
  throw new CogplanError(
    'COGPLAN_LOCK_VERSION',
    `${file} has lock version ${lockVersion}${writer}; this program reads version ${LOCK_VERSION}`,
    {
      subject: file,
      where: { file },
      hint: lockVersion > LOCK_VERSION ? 'Use a newer cogplan.' : 'Run `cogplan lock` to write it anew.',
    },
  );
}

interface SchemaValidator {
  (value: unknown): boolean;
  readonly errors?: readonly { readonly instancePath: string; readonly message?: string }[] | null;
}

const validator: SchemaValidator = validate;

function isLock(value: unknown): value is Lock {
  return validator(value);
}

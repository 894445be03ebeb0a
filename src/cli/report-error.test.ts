import { describe, expect, it } from 'vitest';
import { CogplanError } from '../errors.ts';
import { asCogplanError, errorDocument } from './report-error.ts';

describe('asCogplanError', () => {
  it('leaves our own errors alone', () => {
    const error = new CogplanError('COGPLAN_LOCK_MISSING', 'there is none');
    expect(asCogplanError(error)).toBe(error);
  });

  it.each(['ENOSPC', 'EACCES', 'EROFS'])('takes %s for a refusal of the operating system, with its path', (code) => {
    const refusal = Object.assign(new Error(`${code}: no`), { code, syscall: 'open', path: '/full/disk' });
    const error = asCogplanError(refusal);
    expect(error.code).toBe('COGPLAN_FILE_SYSTEM');
    expect(error.subject).toBe('/full/disk');
    expect(error.hint !== undefined).toBe(code === 'ENOSPC');
  });

  it('takes an abort for an interruption', () => {
    expect(asCogplanError(new DOMException('stop', 'AbortError')).code).toBe('COGPLAN_INTERRUPTED');
  });

  it.each([new TypeError('x is not a function'), 'text', null, undefined])('takes %s for a bug', (thrown) => {
    expect(asCogplanError(thrown).code).toBe('COGPLAN_BUG');
  });
});

describe('errorDocument', () => {
  it('holds what is known and nothing else', () => {
    const where = { file: 'cog.yaml', line: 3 };
    expect(errorDocument(new CogplanError('COGPLAN_USAGE', 'wrong', { where, hint: 'do it so' }))).toEqual({
      code: 'COGPLAN_USAGE',
      message: 'wrong',
      where,
      hint: 'do it so',
    });
  });

  it('never shows control characters or credentials', () => {
    const error = new CogplanError('COGPLAN_USAGE', 'see \u001b[31mhttps://me:secret@host.test/\u202e');
    expect(JSON.stringify(errorDocument(error))).not.toMatch(/secret|\\u001b|\u202e/);
  });
});

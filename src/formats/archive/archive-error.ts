import { CogplanError } from '../../errors.ts';

/** Bytes that break the rules of their container format: `what` names the archive, `problem` the broken rule. */
export function archiveError(what: string, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_ARCHIVE_INVALID', `${what}: ${problem}`, {
    subject: what,
    hint: 'The file is damaged or was not made by the usual tools; nothing was taken from it.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Content that inflates beyond what the caller allows. */
export function archiveTooLarge(what: string, maxBytes: number): CogplanError {
  return new CogplanError('COGPLAN_ARCHIVE_TOO_LARGE', `${what} holds more than ${maxBytes} bytes`, {
    subject: what,
    hint: 'An archive of this size is taken for a decompression bomb.',
    data: { maxBytes },
  });
}

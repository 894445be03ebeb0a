import type { ErrorCode } from '../error-codes.ts';
import { bug, CogplanError, type Where } from '../errors.ts';
import type { Job } from './worker-job.ts';

export interface WorkerSetup {
  readonly storeRoot: string;
  readonly inflatedDirectory: string | undefined;
}

export interface WorkerRequest {
  readonly id: number;
  readonly job: Job;
}

export type WorkerReply =
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PlainError }
  | { readonly kind: 'warning'; readonly code: string; readonly text: string };

/** An error as it crosses a thread boundary, where class instances lose what they are. */
export type PlainError =
  | {
      readonly kind: 'cogplan';
      readonly code: ErrorCode;
      readonly message: string;
      readonly subject: string | undefined;
      readonly where: Where | undefined;
      readonly hint: string | undefined;
      readonly data: Readonly<Record<string, unknown>> | undefined;
    }
  | {
      readonly kind: 'other';
      readonly message: string;
      readonly stack: string | undefined;
      /** Of an error of the file system. */
      readonly system:
        | { readonly code: string; readonly syscall: string; readonly path: string | undefined }
        | undefined;
    };

export function toPlainError(error: unknown): PlainError {
  if (error instanceof CogplanError) {
    const { code, message, subject, where, hint, data } = error;
    return { kind: 'cogplan', code, message, subject, where, hint, data };
  }
  const known = error instanceof Error ? error : new Error(String(error));
  const { code, syscall, path } = known as NodeJS.ErrnoException;
  const system = code === undefined || syscall === undefined ? undefined : { code, syscall, path };
  return { kind: 'other', message: known.message, stack: known.stack, system };
}

export function fromPlainError(plain: PlainError): Error {
  if (plain.kind === 'cogplan') {
    const { code, message, ...details } = plain;
    return new CogplanError(code, message, details);
  }
  const cause = Object.assign(new Error(plain.message), plain.system);
  if (plain.stack !== undefined) cause.stack = plain.stack;
  // A full disk or a directory that may not be written to is no bug: whoever reports errors knows such ones.
  if (plain.system !== undefined) return cause;
  return bug(`a layer could not be built: ${plain.message}`, cause);
}

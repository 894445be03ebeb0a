import type { ErrorFamily } from './errors.ts';

interface ErrorRow {
  readonly family: ErrorFamily;
  readonly summary: string;
}

/** Every error code, sorted. `docs/errors.md` is generated from this table. */
export const ERROR_CODES = {
  COGPLAN_BUG: { family: 'bug', summary: 'An impossible state inside cogplan.' },
  COGPLAN_INTERRUPTED: { family: 'input', summary: 'The run was interrupted.' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_CODES;

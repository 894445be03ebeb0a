import { bug, CogplanError, type Where } from '../errors.ts';
import { fixesOf } from '../spec/edit-spec.ts';

/** Prints a failure for people (stderr) or scripts (stdout, one JSON document); returns the exit code. */
export function reportError(error: unknown, json: boolean): number {
  const known = asCogplanError(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: errorDocument(known) }, null, 2)}\n`);
  else process.stderr.write(`${errorText(known)}\n`);
  return known.code === 'COGPLAN_INTERRUPTED' ? 130 : 1;
}

export function asCogplanError(error: unknown): CogplanError {
  if (error instanceof CogplanError) return error;
  if (error instanceof Error && error.name === 'AbortError')
    return new CogplanError('COGPLAN_INTERRUPTED', 'interrupted');
  const system = error as NodeJS.ErrnoException;
  if (typeof system?.code === 'string' && typeof system.syscall === 'string') {
    return new CogplanError('COGPLAN_FILE_SYSTEM', `${system.syscall} failed: ${system.message}`, {
      subject: system.path,
      cause: error,
      hint: system.code === 'ENOSPC' ? 'The disk is full; `cogplan store gc` may free some space.' : undefined,
    });
  }
  return bug(error instanceof Error ? error.message : String(error), error);
}

/** The `error` member of the `--json` contract. */
export function errorDocument(error: CogplanError): Record<string, unknown> {
  return {
    code: error.code,
    message: error.message,
    ...(error.subject === undefined ? {} : { subject: error.subject }),
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.data === undefined ? {} : { data: error.data }),
  };
}

function errorText(error: CogplanError): string {
  const lines = [`error: ${error.message}`];
  if (error.where !== undefined) lines.push(`  at ${placeText(error.where)}`);
  if (error.hint !== undefined) lines.push(`  ${error.hint}`);
  for (const [index, fix] of fixesOf(error).entries()) {
    lines.push(`  ${index + 1}. ${fix.text}: cogplan lock --fix ${index + 1}`);
  }
  const others = error.data?.others;
  if (Array.isArray(others)) {
    let said = error.hint;
    for (const other of others as { message?: string; where?: Where; hint?: string }[]) {
      lines.push(`also: ${other.message}${other.where === undefined ? '' : `\n  at ${placeText(other.where)}`}`);
      if (other.hint !== undefined && other.hint !== said) lines.push(`  ${other.hint}`);
      said = other.hint ?? said;
    }
  }
  lines.push(`  (${error.code})`);
  if (error.code === 'COGPLAN_BUG' && error.cause instanceof Error) lines.push(error.cause.stack ?? '');
  return lines.join('\n');
}

function placeText(where: Where): string {
  const position =
    where.line === undefined ? '' : `:${where.line}${where.column === undefined ? '' : `:${where.column}`}`;
  return `${where.file}${position}${where.key === undefined ? '' : ` (${where.key})`}`;
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CogplanError } from '../errors.ts';
import { info } from '../events.ts';
import { askedOf, compareAsked } from '../plan/asked.ts';
import { applyEdits, type Fix, fixesOf } from '../spec/edit-spec.ts';
import { rewriteLegacy } from '../spec/rewrite-legacy.ts';
import { makePlan, type PlanOptions } from './make-plan.ts';
import { readUnlockedSpec } from './project-spec.ts';
import { replaceFile } from './replace-file.ts';
import type { Session } from './session.ts';

/** One fix may uncover the next problem. */
const MAX_ROUNDS = 20;

/**
 * Changes the project's files as its errors advise: `fix` is the number of the advice, or true for the first one of each
 * error until nothing is advised. Where an error advises nothing, or there is none, the layout of 2021 is written in today's keys. Returns the instant that the lock is to be of, when that is the advice, as soon as the project locks; an error without advice is thrown.
 */
export async function fixProject(
  session: Session,
  directory: string,
  options: PlanOptions & { readonly fix?: string | true },
): Promise<string | undefined> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const error = await makePlan(session.context, directory, options).then(
      () => undefined,
      (caught: unknown) => caught,
    );
    if (fixesOf(error).length === 0) {
      const rewritten = await rewriteOld(session, directory, options);
      if (rewritten && options.fix === true) continue;
      if (rewritten || error === undefined) return undefined;
    }
    const fix = chosen(error, options.fix);
    await applyFix(directory, fix);
    info(session.host, 'lock.fixed', `Done: ${fix.text}`);
    if (fix.asOf !== undefined) return fix.asOf;
    if (options.fix !== true) return undefined;
  }
  return undefined;
}

/** Writes the layout of 2021 in today's keys, where that asks the same of every family. */
async function rewriteOld({ host }: Session, directory: string, { file }: PlanOptions): Promise<boolean> {
  const before = await readUnlockedSpec(directory, file).catch(() => undefined);
  if (before === undefined) return false;
  const path = join(directory, before.file);
  const text = await readFile(path, 'utf8');
  const fix = rewriteLegacy(text, before.file);
  if (fix === undefined) return false;
  await replaceFile(path, applyEdits(text, fix.edits));
  const after = await readUnlockedSpec(directory, file).catch(() => undefined);
  if (after === undefined || compareAsked(askedOf(before), askedOf(after)).length > 0) {
    await replaceFile(path, text);
    return false;
  }
  info(host, 'lock.fixed', `Done: ${fix.text}`);
  return true;
}

function chosen(error: unknown, number: string | true | undefined): Fix {
  const fixes = fixesOf(error);
  if (fixes.length === 0) throw error;
  const at = number === true || number === undefined ? 1 : Number(number);
  const fix = fixes[at - 1];
  if (fix !== undefined) return fix;
  throw new CogplanError('COGPLAN_USAGE', `there is no fix ${String(number)}`, {
    hint: `Give a number from 1 to ${fixes.length}.`,
  });
}

async function applyFix(directory: string, { edits }: Fix): Promise<void> {
  const files = [...new Set(edits.map(({ file }) => file))];
  const changed = await Promise.all(
    files.map(async (file) => {
      const path = join(directory, file);
      const text = await readFile(path, 'utf8');
      const own = edits.filter((edit) => edit.file === file);
      return { path, text: applyEdits(text, own) };
    }),
  );
  for (const { path, text } of changed) await replaceFile(path, text);
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../context.ts';
import type { CogplanError } from '../../errors.ts';
import type { Fix, LinesEdit } from '../../spec/edit-spec.ts';
import type { Spec } from '../../spec/spec.ts';
import type { Trial, Trials } from './trials.ts';

/** How often a build may tell of a further package that it misses. */
const MAX_ROUNDS = 5;

export interface MissingPackages {
  readonly trial: Trial;
  readonly fix: Fix;
  /** False: time ran out while the project was built with them, so that it may miss more. */
  readonly isTried: boolean;
}

/**
 * The Debian packages that a failed build misses, added to `build.system_packages`, with those that it misses then; undefined where the build does not
 * tell any, where it fails with them, and where the list is not one that a line can be added to. Compiling may outlast `context.signal`: what is known by then is returned.
 */
export async function missingPackages(
  context: Context,
  {
    error,
    spec,
    request,
    trials,
  }: {
    readonly error: CogplanError;
    readonly spec: Pick<Spec, 'directory' | 'file' | 'pythonVersion' | 'systemPackages'>;
    readonly request: Trial['request'];
    readonly trials: Trials;
  },
): Promise<MissingPackages | undefined> {
  let names: readonly string[] = [];
  let failure: CogplanError | undefined = error;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const more = missedBy(failure).filter((name) => !names.includes(name));
    if (more.length === 0) return undefined;
    names = [...names, ...more];
    const edits = await additions(spec, names);
    if (edits === undefined) return undefined;
    const where = spec.pythonVersion.where;
    const trial: Trial = { request, systemPackages: names.map((value) => ({ value, where })) };
    const fix: Fix = { text: `add ${names.join(', ')} to build.system_packages`, edits };
    const outcome = await trials.failureOf(context, trial).catch((error: unknown) => {
      if (context.signal.aborted) return 'unfinished' as const;
      throw error;
    });
    if (outcome === 'unfinished') return { trial, fix, isTried: false };
    if (outcome === undefined) return { trial, fix, isTried: true };
    failure = outcome.error;
  }
  return undefined;
}

function missedBy(error: CogplanError | undefined): readonly string[] {
  const names = error?.data?.systemPackages;
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

/** A line for each name below the last of the list, or a list below `python_version`; undefined in flow style. */
async function additions(
  {
    directory,
    file,
    pythonVersion,
    systemPackages,
  }: Pick<Spec, 'directory' | 'file' | 'pythonVersion' | 'systemPackages'>,
  names: readonly string[],
): Promise<readonly LinesEdit[] | undefined> {
  const lines = (await readFile(join(directory, file), 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.replace(/\r$/, ''));
  const edit = (
    line: number,
    added: (indent: string) => readonly string[],
    shape: RegExp,
  ): readonly LinesEdit[] | undefined => {
    const text = lines[line - 1] ?? '';
    const indent = shape.exec(text)?.[1];
    return indent === undefined ? undefined : [{ file, line, lines: [text], become: [text, ...added(indent)] }];
  };
  const own = systemPackages.filter(
    ({ where }) => where.file === file && where.key?.startsWith('build.system_packages'),
  );
  const last = Math.max(0, ...own.map(({ where }) => where.line ?? 0));
  if (last > 0) return edit(last, (indent) => names.map((name) => `${indent}- "${name}"`), /^(\s*)- /);
  if (lines.some((line) => /^\s*system_packages\s*:/.test(line))) return undefined;
  const list = (indent: string): readonly string[] => [
    `${indent}system_packages:`,
    ...names.map((name) => `${indent}  - "${name}"`),
  ];
  return edit(pythonVersion.where.line ?? 0, list, /^(\s+)["']?python_version["']?\s*:/);
}

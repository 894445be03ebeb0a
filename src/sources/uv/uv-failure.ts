import { CogplanError } from '../../errors.ts';
import type { UvIndexes } from './uv-environment.ts';

export interface Unsatisfiable {
  readonly kind: 'unsatisfiable';
  /** uv's reasoning in whole sentences, without advice about uv's own options. */
  readonly explanation: string;
  /** Packages of which no version that could be chosen has a wheel for the target. */
  readonly withoutWheel: readonly { readonly name: string; readonly versions: string }[];
  /** Packages that no index knows, or knows no version of. */
  readonly unknown: readonly string[];
}

/** Turns what uv wrote on its way out into an outcome, or throws when uv could not find out. */
export function explainFailure(stderr: string, indexes: UvIndexes): Unsatisfiable {
  const { error, causes, hints } = readReport(stderr);
  const denied = hints.find((hint) => /\b(?:401|403)\b/.test(hint));
  if (denied !== undefined) throw authenticationError(denied);
  if (hints.some((hint) => /network was disabled/i.test(hint)) || /connectivity is disabled/i.test(stderr)) {
    throw new CogplanError('COGPLAN_OFFLINE', 'resolving Python packages needs the network', {
      subject: indexes.primary,
      hint: 'Run the command again without --offline.',
    });
  }
  if (/^No solution found/.test(error)) return unsatisfiable(causes, hints);

  const details = causes.length === 0 ? error : `${error}: ${causes.join(': ')}`;
  const url = /`?(https?:\/\/[^\s`)]+)/.exec(error)?.[1];
  if (
    /^(?:Failed to fetch|Failed to download|Request failed)/.test(error) &&
    /error sending request|client error|dns error|timed out|tcp connect/.test(details)
  ) {
    throw new CogplanError('COGPLAN_NETWORK', details, {
      subject: url,
      hint: 'Check the connection and the index URL, then run the command again.',
    });
  }
  if (/^Hash mismatch/.test(error)) {
    throw new CogplanError('COGPLAN_HASH_MISMATCH', details, {
      subject: url,
      hint: 'The index contradicts itself: ask those who keep it, or take the package from another index.',
    });
  }
  if (/\b(?:401|403)\b/.test(details)) throw authenticationError(details);
  if (/Failed to extract|[Ii]nvalid zip|zip file/.test(details)) {
    throw new CogplanError('COGPLAN_WHEEL_INVALID', details, {
      subject: /[^\s/`:]+\.whl/.exec(details)?.[0] ?? url,
      hint: NO_WHEEL_HINT,
    });
  }
  throw new CogplanError('COGPLAN_UV_FAILED', `Python packages could not be resolved: ${details}`, {
    subject: url,
    hint: 'If an index is named above, check that it answers as a package index.',
  });
}

/** What to do about bytes that are not those of a wheel. */
export const NO_WHEEL_HINT =
  'What the index serves is no wheel, but perhaps a page that asks to log in: look at its address, or take the package from another index.';

function authenticationError(text: string): CogplanError {
  const url = /https?:\/\/[^\s`)]+/.exec(text)?.[0];
  return new CogplanError('COGPLAN_INDEX_AUTH', `the package index ${url ?? ''} refused access: ${text}`, {
    subject: url,
    hint: 'Put the credentials into ~/.netrc (machine, login, password), where apply finds them too.',
  });
}

function unsatisfiable(causes: readonly string[], hints: readonly string[]): Unsatisfiable {
  const reasoning = causes.join('\n');
  const advice = hints.filter((hint) => !/(?:^|[\s`])--[a-z]|\bUV_[A-Z]|\buv\b|https?:\/\/docs\./.test(hint));
  return {
    kind: 'unsatisfiable',
    explanation: [reasoning, ...advice].join('\n'),
    withoutWheel: [...reasoning.matchAll(NO_WHEEL)].map(([, name = '', versions = '']) => ({ name, versions })),
    unknown: [...reasoning.matchAll(UNKNOWN)].map(([, first, second]) => first ?? second ?? ''),
  };
}

const NO_WHEEL =
  /(?<![\w.[\]=<>!~-])([a-z0-9]+(?:-[a-z0-9]+)*)(?:\[[^\]\s]*\])?((?:[<>=!~]\S*)?) (?:has|have) no (?:usable wheels|wheels with a matching)/g;
const UNKNOWN =
  /\b([a-z0-9]+(?:-[a-z0-9]+)*) was not found in the package registry|there are no versions of ([a-z0-9]+(?:-[a-z0-9]+)*)/g;

interface Report {
  readonly error: string;
  readonly causes: readonly string[];
  readonly hints: readonly string[];
}

/** uv reports `error: …`, any number of `cause: …` and `hint: …`, each with its continuation lines indented. */
function readReport(stderr: string): Report {
  const parts: { readonly kind: string; text: string }[] = [];
  for (const line of stderr.split('\n')) {
    const start = /^\s*(error|cause|hint|warning): (.*)$/.exec(line);
    const last = parts.at(-1);
    if (start !== null) parts.push({ kind: start[1] ?? '', text: start[2] ?? '' });
    else if (last !== undefined && line.trim() !== '') last.text += `\n${line.replace(/^ {9}/, '')}`;
  }
  const of = (kind: string): readonly string[] => parts.filter((part) => part.kind === kind).map((part) => part.text);
  return { error: of('error')[0] ?? stderr.trim(), causes: of('cause'), hints: of('hint') };
}

import { CogplanError, type Where } from '../errors.ts';
import { parseRequirement } from '../formats/python/requirement.ts';
import { oneFix } from './edit-spec.ts';

interface Reading {
  readonly reason: string;
  /** What it means in pip's words; absent where that is not one line. */
  readonly instead?: string;
  readonly hint?: string;
}

const NAME = String.raw`[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?`;

/**
 * A requirement in the words of another tool, or with a slip that leaves no doubt: refused with what pip calls it. Only for texts that are no
 * requirement of pip's.
 */
export function refuseDialects(text: string, where: Where): void {
  const found = inPipsWords(text);
  if (found === undefined || isRequirement(text)) return;
  const instead = found.instead !== undefined && isRequirement(found.instead) ? found.instead : undefined;
  throw new CogplanError(
    'COGPLAN_REQUIREMENT_INVALID',
    `\`${text.slice(0, 200)}\` is not a requirement: ${found.reason}`,
    {
      where,
      subject: text.slice(0, 200),
      hint: found.hint ?? `Write ${instead ?? 'it as pip has it: numpy>=1.26,<2'}.`,
      ...(instead === undefined ? {} : { data: oneFix(where, text, instead) }),
    },
  );
}

function inPipsWords(text: string): Reading | undefined {
  const [, quoted] = /^(["'])(.*)\1$/.exec(text) === null ? [] : ['', text.slice(1, -1)];
  if (quoted !== undefined) return { reason: 'the quotes are part of it', instead: quoted };
  const caret = new RegExp(`^(${NAME})\\s*(?:@\\s*)?\\^\\s*v?([0-9][0-9.]*)$`).exec(text);
  if (caret !== null) return { reason: '"^" is a word of Poetry', instead: `${caret[1]}${upTo(caret[2] ?? '')}` };
  const tilde = new RegExp(`^(${NAME})\\s*~\\s*([0-9][0-9.]*)$`).exec(text);
  if (tilde !== null) return { reason: '"~" alone is a word of Poetry and npm', instead: `${tilde[1]}~=${tilde[2]}` };
  const newest = new RegExp(`^(${NAME})\\s*(?:==?|:)\\s*(?:latest|newest|stable|any)$`, 'i').exec(text);
  if (newest !== null) return { reason: 'the newest version has no name', instead: newest[1] ?? '' };
  const conda = /^[\w-]+::([\w.-]+?)(?:={1,2}([0-9][\w.*]*)(?:=[\w.]+)?)?$/.exec(text);
  if (conda !== null) {
    const [, name = '', version] = conda;
    const hint = `It names a channel of conda. Write the name that PyPI has for it: ${name}${version === undefined ? '' : `==${version}`}.`;
    return { reason: "it is written in conda's way", hint };
  }
  const joined = text.replace(/([0-9*])\s*(?=[<>!~]=?|===?)/g, '$1,');
  if (joined !== text && /[<>!~=]/.test(text))
    return { reason: 'a comma is missing between two limits', instead: joined };
  const listed = text.split(/\s*,\s*/);
  if (
    listed.length > 1 &&
    listed.every(
      (part) => new RegExp(`^${NAME}(?:\\s*[<>=!~]=?=?\\s*[\\w.*+!]+)?$`).test(part) && /^[A-Za-z]/.test(part),
    )
  )
    return { reason: 'it is a list', hint: `Write each on a line of its own: ${listed.slice(0, 10).join(' and ')}.` };
  return undefined;
}

/** `>=1.2,<2` for `^1.2`, `>=0.3,<0.4` for `^0.3`. https://python-poetry.org/docs/dependency-specification/ */
function upTo(version: string): string {
  const parts = version
    .split('.')
    .filter((part) => part !== '')
    .map(Number);
  const at = parts.findIndex((part) => part > 0);
  const index = at < 0 ? parts.length - 1 : at;
  const limit = parts.slice(0, index + 1).map((part, place) => (place === index ? part + 1 : part));
  return `>=${parts.join('.')},<${limit.join('.')}`;
}

function isRequirement(text: string): boolean {
  try {
    parseRequirement(text);
    return true;
  } catch (error) {
    if (error instanceof CogplanError) return false;
    throw error;
  }
}

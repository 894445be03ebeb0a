import { CogplanError, type Where } from '../errors.ts';
import { oneFix, splitFix } from './edit-spec.ts';
import { isRequirement } from './requirement-slips.ts';

interface Reading {
  readonly reason: string;
  /** What it means in pip's words; absent where that is not one line. */
  readonly instead?: string;
  readonly hint?: string;
  /** What it means, where that is several lines. */
  readonly list?: readonly string[];
  /** Not even where PEP 508 has a reading for it: `requests@2.31.0` would be an address. */
  readonly certain?: true;
}

const NAME = String.raw`[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?`;

/**
 * A requirement in the words of another tool, or with a slip that leaves no doubt: refused with what pip calls it. Only for texts that are no
 * requirement of pip's.
 */
export function refuseDialects(text: string, where: Where): void {
  const found = inPipsWords(text);
  if (found === undefined || (found.certain !== true && isRequirement(text))) return;
  const isMeant = (written: string): boolean => /^(?:git\+)?https:/.test(written) || isRequirement(written);
  const instead = found.instead !== undefined && isMeant(found.instead) ? found.instead : undefined;
  throw new CogplanError(
    'COGPLAN_REQUIREMENT_INVALID',
    `\`${text.slice(0, 200)}\` is not a requirement: ${found.reason}`,
    {
      where,
      subject: text.slice(0, 200),
      hint: found.hint ?? `Write ${instead ?? 'it as pip has it: numpy>=1.26,<2'}.`,
      ...(instead !== undefined
        ? { data: oneFix(where, text, instead) }
        : found.list?.every(isRequirement) === true
          ? { data: splitFix(where, text, found.list) }
          : {}),
    },
  );
}

function inPipsWords(text: string): Reading | undefined {
  const quoted = /^(["'`\u2018\u201c])(.*)(["'`\u2019\u201d]),?$/.exec(text);
  if (quoted !== null && PAIRS.includes(`${quoted[1]}${quoted[3]}`))
    return { reason: 'the quotes are part of it', instead: (quoted[2] ?? '').trim() };
  const toml = /^([A-Za-z0-9][\w.-]*)\s*=\s*(["'])([^"']*)\2,?$/.exec(text);
  if (toml !== null) return inPoetrysWords(toml[1] ?? '', toml[3] ?? '');
  const caret = new RegExp(`^(${NAME})\\s*(?:@\\s*)?\\^\\s*v?([0-9][0-9.]*)$`).exec(text);
  if (caret !== null) return { reason: '"^" is a word of Poetry', instead: `${caret[1]}${upTo(caret[2] ?? '')}` };
  const tilde = new RegExp(`^(${NAME})\\s*~\\s*([0-9][0-9.]*)$`).exec(text);
  if (tilde !== null)
    return { reason: '"~" alone is a word of Poetry and npm', instead: `${tilde[1]}${near(tilde[2] ?? '')}` };
  const newest = new RegExp(`^(${NAME})(?:\\s*(?:==?|:|@)\\s*|\\s+)(?:latest|newest|stable|any)$`, 'i').exec(text);
  if (newest !== null) return { reason: 'the newest version has no name', instead: newest[1] ?? '', certain: true };
  const colon = new RegExp(`^(${NAME})(\\s*@\\s*|:\\s*)v?([0-9]+(?:\\.[0-9]+)+(?:[a-z0-9.+-]*))$`).exec(text);
  if (colon !== null) {
    const sign = (colon[2] ?? '').trim();
    const instead = `${colon[1]}==${colon[3]}`;
    return { reason: `a version is pinned with "==", not "${sign}"`, instead, certain: true };
  }
  const page = pageOf(text);
  if (page !== undefined) return page;
  const comment = /^([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*(?:[<>=!~]=?=?[\w.*+, <>=!~]+)?)#\S.*$/.exec(text);
  if (comment !== null) return { reason: 'a comment needs a space before its "#"', instead: (comment[1] ?? '').trim() };
  const mended = mendOperators(text);
  if (mended !== undefined) return mended;
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
    return {
      reason: 'it is a list',
      hint: `Write each on a line of its own: ${listed.slice(0, 10).join(' and ')}.`,
      list: listed,
    };
  return undefined;
}

const HOST = String.raw`(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)`;

/** Addresses that a browser or a clone takes, and pip does not. */
function pageOf(text: string): Reading | undefined {
  const repository = new RegExp(
    `^(?:https?://)?(?:www\\.)?(${HOST}/[\\w.-]+/[\\w.-]+?)(?:/(?:-/)?tree/([\\w./-]+))?/?(@[\\w./-]+)?(#egg=[\\w.-]+)?$`,
    'i',
  ).exec(text);
  if (repository !== null && !/\.(?:whl|zip|tar\.gz|tgz)$/i.test(repository[1] ?? '')) {
    const [, path, tree, ref = '', egg = ''] = repository;
    const instead = `git+https://${path}${tree === undefined ? ref : `@${tree}`}${egg}`;
    return { reason: 'it is the page of a git repository', instead, certain: true };
  }
  const secure = /^(?:git\+)?(?:ssh:\/\/)?git@([\w.-]+):(?!\d+\/)([\w./-]+?)(@[\w./-]+)?$/.exec(text);
  if (secure !== null) {
    const [, host, path, ref = ''] = secure;
    const instead = `git+https://${host}/${path}${ref}`;
    const hint = `Write ${instead}, or for a repository that is not public: git+ssh:// and a slash in place of the colon.`;
    return { reason: 'that is an address for git alone', instead, hint, certain: true };
  }
  const [, before, kind, after] =
    /^(https:\/\/(?:github\.com|huggingface\.co)\/(?:datasets\/)?[\w.-]+\/[\w.-]+\/)(blob)(\/\S+\.(?:whl|zip|tar\.gz))$/.exec(
      text,
    ) ?? [];
  if (kind === undefined) return undefined;
  const download = text.startsWith('https://github.com') ? 'raw' : 'resolve';
  return { reason: 'it is a web page about the file', instead: `${before}${download}${after}`, certain: true };
}

const PAIRS = ['""', "''", '``', '\u2018\u2019', '\u201c\u201d'];

const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/\u2265/g, '>='],
  [/\u2264/g, '<='],
  [/\u2260/g, '!='],
  [/\uff1d/g, '='],
  [/([<>!~=])\s+=/g, '$1='],
  [/=\s*>(?!=)/g, '>='],
  [/=\s*<(?!=)/g, '<='],
  [/(?<![=~!<>])=\s*~(?!=)/g, '~='],
  [/=\s*!(?!=)/g, '!='],
  [/<>/g, '!='],
];

/** Slips in what stands between name and version, each of which leaves no doubt. */
function mendOperators(text: string): Reading | undefined {
  const [, before = '', marker = ''] = /^([^;]*)(;.*)?$/s.exec(text) ?? [];
  const operator = SIGNS.reduce((mended, [sign, instead]) => mended.replace(sign, instead), before);
  if (operator !== before) return { reason: 'that is no operator', instead: `${operator}${marker}` };
  const trailing = before.replace(/\s*,\s*$/, '');
  if (trailing !== before) return { reason: 'a comma stands at its end', instead: `${trailing}${marker}` };
  const limits = text.replace(/\s*;\s*(?=[<>=!~]=?\s*[0-9])/g, ',');
  if (limits !== text) return { reason: 'limits are separated by commas', instead: limits };
  const starred = before.replace(/(>=|<=|<|>)(\s*[0-9]+(?:\.[0-9]+)*)\.\*/g, '$1$2');
  const single = before.replace(/([=!]=\s*[0-9]+(?:\.[0-9]+)*\.\*)[\w.*]+/g, '$1');
  if (single !== before) return { reason: '".*" ends a version', instead: `${single}${marker}` };
  if (starred !== before) return { reason: '".*" stands behind "==" and "!=" only', instead: `${starred}${marker}` };
  return undefined;
}

/** A line of pyproject.toml: `six = "^1.16"`. */
function inPoetrysWords(name: string, written: string): Reading {
  const reason = "it is written in Poetry's way";
  if (name === 'python')
    return { reason, hint: 'Remove the line: the version of Python is build.python_version in cog.yaml.' };
  const instead = pinnedBy(name, written);
  return instead === undefined ? { reason } : { reason, instead };
}

/** A name and what stands beside it in a mapping of names to versions, as one requirement; undefined when it is none. */
export function pinnedBy(name: string, written: string): string | undefined {
  const version = written.trim();
  const limits = version.split(/\s*,\s*/).map((part) => {
    if (/^(?:\*|latest|)$/i.test(part)) return '';
    const [, sign = '', number = ''] = /^(\^|~(?!=))?\s*v?([0-9][0-9.]*)$/.exec(part) ?? [];
    if (sign === '^') return upTo(number);
    if (sign === '~') return near(number);
    if (/^v?[0-9]/.test(part)) return `==${part.replace(/^v/, '')}`;
    return part.replace(/^=(?!=)/, '==');
  });
  const requirement = `${name}${limits.filter((limit) => limit !== '').join(',')}`;
  return isRequirement(requirement) ? requirement : undefined;
}

/** `~=1.2.0` for `~1.2`: the last number but those given may grow. */
function near(version: string): string {
  const parts = version.split('.').filter((part) => part !== '');
  return parts.length > 2 ? `~=${parts.join('.')}` : `~=${[...parts, '0'].join('.')}`;
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

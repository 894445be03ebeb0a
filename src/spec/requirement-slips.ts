import { CogplanError, type Where } from '../errors.ts';
import { parseRequirement } from '../formats/python/requirement.ts';
import { oneFix, splitFix } from './edit-spec.ts';
import { explainShellCommand, installedPackages } from './shell-command.ts';

/**
 * Refuses what a whole line must not be before its options are read: an item of a YAML list, a command for a shell, options before their
 * requirement. Each error says what to write.
 */
export function refuseLineSlips(text: string, where: Where): void {
  const item = /^-\s+(\S.*)$/.exec(text)?.[1];
  if (item !== undefined) {
    throw new CogplanError(
      'COGPLAN_REQUIREMENT_INVALID',
      `\`${text.slice(0, 200)}\` begins with the dash of a YAML list`,
      {
        where,
        subject: text.slice(0, 200),
        hint: `Write ${item.slice(0, 200)}.`,
        data: oneFix(where, text, item),
      },
    );
  }
  if (/^[A-Za-z]\S*(?:\s+-\s+[A-Za-z]\S*)+$/.test(text)) {
    throw new CogplanError(
      'COGPLAN_REQUIREMENT_INVALID',
      `\`${text.slice(0, 200)}\` is several items of a list that YAML reads as one`,
      {
        where,
        subject: text.slice(0, 200),
        hint: 'The lines below this one are indented deeper than it: align their dashes.',
      },
    );
  }
  refuseShellCommand(text, where);
  refuseOptionsFirst(text, where);
  refusePython(text, where);
}

function refusePython(text: string, where: Where): void {
  if (!/^python\s*(?:$|[<>=!~])/i.test(text)) return;
  throw new CogplanError(
    'COGPLAN_REQUIREMENT_INVALID',
    `\`${text.slice(0, 200)}\` is no package: pip does not install Python`,
    {
      where,
      subject: text.slice(0, 200),
      hint: 'Remove the line: the version of Python is build.python_version in cog.yaml.',
      data: oneFix(where, text, ''),
    },
  );
}

const FLAGS = /^(-[A-Za-z]|--[\w-]+) is an option of pip's command line/;
const WITH_VALUES: ReadonlySet<string> = new Set(['--target', '--install-option', '--extra']);

/** An error of a line's options, with the removal of the option as a fix where its hint says just that. */
export function withOptionFix(error: unknown, where: Where): unknown {
  const option = error instanceof CogplanError ? FLAGS.exec(error.message)?.[1] : undefined;
  if (!(error instanceof CogplanError) || option === undefined || WITH_VALUES.has(option)) return error;
  const { code, message, subject, hint } = error;
  return new CogplanError(code, message, { subject, where: error.where, hint, data: oneFix(where, option, '') });
}

function refuseShellCommand(text: string, where: Where): void {
  const hint = explainShellCommand(text);
  if (hint === undefined) return;
  const packages = installedPackages(text);
  throw new CogplanError(
    'COGPLAN_REQUIREMENT_INVALID',
    `\`${text.slice(0, 200)}\` is a shell command, not a requirement`,
    {
      where,
      hint,
      ...(packages === undefined ? {} : { data: splitFix(where, text, packages) }),
    },
  );
}

// `-f URL torch==1.13.1`: pip takes the rest of such a line for more options.
const OPTION_WITH_VALUE = /^(?:-[fi]|--(?:find-links|index-url|extra-index-url))(?:\s+|=)\S+$/;

function refuseOptionsFirst(text: string, where: Where): void {
  if (!text.startsWith('-')) return;
  const words = text.split(/\s+/);
  const at = words.findIndex((_, index) => index > 0 && isRequirementPart(words.slice(index).join(' ')));
  if (at < 1) return;
  const options = words.slice(0, at).join(' ');
  const parts = options.split(/\s+(?=-)/);
  if (!parts.every((part) => part === '--pre' || OPTION_WITH_VALUE.test(part))) return;
  const requirement = words.slice(at).join(' ');
  const meant = `${requirement} ${options}`;
  throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `${requirement.slice(0, 200)} stands behind the options`, {
    where,
    subject: requirement.slice(0, 200),
    hint: 'Write the requirement first, and its options behind it.',
    data: oneFix(where, text, meant),
  });
}

function isRequirementPart(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\s*(?:\[|[<>=!~]=|[<>;@]|$)/.test(text) && isRequirement(text);
}

/** Whether PEP 508 has it. */
export function isRequirement(text: string): boolean {
  try {
    parseRequirement(text);
    return true;
  } catch (error) {
    if (error instanceof CogplanError) return false;
    throw error;
  }
}

import { sha256 } from '../digest.ts';
import { CogplanError, type Where } from '../errors.ts';
import { normalizeName } from '../formats/python/name.ts';
import { formatRequirement } from '../formats/python/requirement.ts';
import { decodeRequirementsFile, splitRequirementsFile, stripComment } from '../formats/python/requirements-file.ts';
import {
  parseRequirementsLine,
  type RequirementsLine,
  type RequirementsOption,
} from '../formats/python/requirements-line.ts';
import { interpretRequirement, unsupported } from './interpret-requirement.ts';
import type { Problems } from './problems.ts';
import { besides, readProjectFile } from './project-file.ts';
import { readHashes } from './requirement-hashes.ts';
import type { Located, Notice, RequirementLine, Requirements } from './spec.ts';

/** Where requirement lines stand: entries of `python_packages`, or a file of the project. */
export type RequirementsInput =
  | { readonly kind: 'entries'; readonly entries: readonly Located<string>[] }
  | { readonly kind: 'file'; readonly path: string; readonly where: Where };

interface Collected {
  readonly requirements: RequirementLine[];
  readonly constraints: RequirementLine[];
  indexUrl: Located<string> | undefined;
  readonly extraIndexUrls: Located<string>[];
  readonly findLinks: Located<string>[];
  pre: boolean;
  requireHashes: Where | undefined;
  noBinary: string[];
  onlyBinary: string[];
  readonly files: Map<string, string>;
}

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 200;
// Cog installs its own SDK and server; these lines would replace them.
const PROVIDED: ReadonlySet<string> = new Set(['cog', 'coglet']);

/** Reads requirement lines with everything they include. Problems and notices are collected with their places. */
export async function readRequirements(
  directory: string,
  input: RequirementsInput,
  report: { readonly problems: Problems; readonly notices: Notice[] },
): Promise<Requirements> {
  const { problems, notices } = report;
  const found: Collected = {
    requirements: [],
    constraints: [],
    indexUrl: undefined,
    extraIndexUrls: [],
    findLinks: [],
    pre: false,
    requireHashes: undefined,
    noBinary: [],
    onlyBinary: [],
    files: new Map(),
  };

  if (input.kind === 'file') await readFile(input.path, { where: input.where, constraint: false, including: [] });
  else for (const entry of input.entries) await readEntry(entry);

  if (found.requireHashes !== undefined) {
    for (const { text, where } of found.requirements.filter((line) => line.hashes.length === 0)) {
      problems.add(
        new CogplanError('COGPLAN_REQUIREMENT_HASH', `${text} has no --hash, which --require-hashes asks for`, {
          where,
        }),
      );
    }
  }
  return {
    requirements: found.requirements,
    constraints: found.constraints,
    ...(found.indexUrl === undefined ? {} : { indexUrl: found.indexUrl }),
    extraIndexUrls: uniqueByValue(found.extraIndexUrls),
    findLinks: uniqueByValue(found.findLinks),
    pre: found.pre,
    noBinary: found.noBinary,
    onlyBinary: found.onlyBinary,
    files: [...found.files].map(([path, hash]) => ({ path, sha256: hash })),
  };

  async function readFile(
    path: string,
    from: { readonly where: Where; readonly constraint: boolean; readonly including: readonly string[] },
  ): Promise<void> {
    const problem = {
      code:
        from.including.length === 0 ? ('COGPLAN_SPEC_FILE_MISSING' as const) : ('COGPLAN_REQUIREMENTS_FILE' as const),
      where: from.where,
      hint: 'Paths are relative to the file that names them and must stay inside the project.',
    };
    const file = await problems.attemptAsync(() => readProjectFile(directory, path, { maxBytes: MAX_BYTES, problem }));
    if (file === undefined) return;
    if (from.including.includes(file.path)) {
      problems.add(
        new CogplanError(
          'COGPLAN_REQUIREMENTS_CYCLE',
          `requirements files include each other: ${[...from.including, file.path].join(' -> ')}`,
          { where: from.where, subject: file.path, hint: 'Remove one of the -r or -c lines.' },
        ),
      );
      return;
    }
    const text = decodeRequirementsFile(file.bytes);
    found.files.set(file.path, sha256(file.bytes));
    if (text === undefined || found.files.size > MAX_FILES) {
      const what = text === undefined ? `${file.path} is not UTF-8 text` : `more than ${MAX_FILES} requirements files`;
      problems.add(new CogplanError('COGPLAN_REQUIREMENTS_FILE', what, { where: from.where, subject: file.path }));
      return;
    }
    for (const { text: line, line: number, column } of splitRequirementsFile(text)) {
      const where: Where = { file: file.path, line: number, column };
      await readLine(line, where, { constraint: from.constraint, including: [...from.including, file.path] });
    }
  }

  async function readEntry({ value, where }: Located<string>): Promise<void> {
    const text = stripComment(value).trim();
    if (text !== '') await readLine(text, where, { constraint: false, including: [where.file] });
  }

  async function readLine(
    text: string,
    where: Where,
    context: { readonly constraint: boolean; readonly including: readonly string[] },
  ): Promise<void> {
    const line = problems.attempt(() => parseRequirementsLine(text, where));
    if (line === undefined) return;
    for (const option of line.options) {
      if (option.name === '--requirement' || option.name === '--constraint') {
        const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(option.value);
        if (isUrl || line.requirement !== '') {
          problems.add(unsupported(`${option.name} ${option.value}`, isUrl ? REMOTE_FILE : OWN_LINE, where));
          continue;
        }
        await readFile(besides(context.including.at(-1) ?? '', option.value), {
          where,
          constraint: option.name === '--constraint',
          including: context.including,
        });
      } else {
        problems.attempt(() => applyOption(option, line));
      }
    }
    if (line.requirement === '' || isEditable(line)) return;
    const requirement = problems.attempt(() => readRequirement(line, context.constraint));
    if (requirement !== undefined) (context.constraint ? found.constraints : found.requirements).push(requirement);
  }

  function readRequirement(line: RequirementsLine, constraint: boolean): RequirementLine | undefined {
    const { requirement, hash } = interpretRequirement(line.requirement, line.where);
    if (PROVIDED.has(normalizeName(requirement.name))) {
      notices.push({
        level: 'warn',
        code: 'COGPLAN_REQUIREMENT_REMOVED',
        text: `${line.requirement} is left out: the image gets its ${requirement.name} from cogplan.`,
        where: line.where,
      });
      return undefined;
    }
    if (constraint && requirement.extras.length > 0) {
      throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `the constraint ${line.requirement} has extras`, {
        where: line.where,
        hint: 'Constraints name versions only; put the extras on the requirement.',
      });
    }
    const given = line.options.filter((option) => option.name === '--hash').map((option) => option.value);
    const hashes = readHashes(hash === undefined ? given : [...given, hash], line.where);
    return { text: formatRequirement(requirement), where: line.where, hashes };
  }

  function applyOption({ name, value }: RequirementsOption, line: RequirementsLine): void {
    const { where } = line;
    switch (name) {
      case '--index-url':
        found.indexUrl = { value: checkUrl(value, name, where), where };
        return;
      case '--extra-index-url':
        found.extraIndexUrls.push({ value: checkUrl(value, name, where), where });
        return;
      case '--find-links':
        found.findLinks.push({ value: checkUrl(value, name, where), where });
        return;
      case '--pre':
        found.pre = true;
        return;
      case '--no-binary':
        found.noBinary = addNames(found.noBinary, value);
        return;
      case '--only-binary':
        found.onlyBinary = addNames(found.onlyBinary, value);
        return;
      case '--require-hashes':
        found.requireHashes ??= where;
        return;
      case '--hash':
        if (line.requirement !== '') return;
        throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', '--hash stands without a requirement', { where });
      case '--trusted-host':
      case '--use-feature':
        notices.push({
          level: 'info',
          code: 'COGPLAN_OPTION_IGNORED',
          text: `${name} ${value} has no effect here.`,
          where,
        });
        return;
      case '--prefer-binary':
        return;
      case '--editable':
        if (line.requirement === '' && /^\.\/?$/.test(value)) {
          notices.push({
            level: 'warn',
            code: 'COGPLAN_REQUIREMENT_REMOVED',
            text: '-e . is left out, as Cog does: the project itself is not installed, only copied to /src.',
            where,
          });
          return;
        }
        throw unsupported(`${name} ${value}`, 'Name a released version, or the URL of a wheel with its sha256.', where);
      case '--no-index':
      case '--global-option':
      case '--config-settings':
        throw unsupported(name, 'Remove the option; packages come as wheels from an index.', where);
      case '--requirement':
      case '--constraint':
        return;
    }
  }
}

const REMOTE_FILE = 'Save the file in the project and name it there.';
const OWN_LINE = 'Write the option on a line of its own.';
function checkUrl(url: string, option: string, where: Where): string {
  const protocol = URL.canParse(url) ? new URL(url).protocol : undefined;
  if (protocol === 'https:' || protocol === 'http:') return url;
  throw unsupported(`${option} ${url}`, 'Give an http or https URL.', where);
}

function addNames(names: readonly string[], value: string): string[] {
  let result = [...names];
  for (const name of value.split(',').map((part) => part.trim())) {
    if (name === ':none:') result = [];
    else if (name !== '') result.push(name === ':all:' ? name : normalizeName(name));
  }
  return [...new Set(result)];
}

function isEditable(line: RequirementsLine): boolean {
  return line.options.some((option) => option.name === '--editable');
}

function uniqueByValue(located: readonly Located<string>[]): readonly Located<string>[] {
  return [...new Map([...located].reverse().map((item) => [item.value, item])).values()].reverse();
}

import { sha256 } from '../digest.ts';
import { CogplanError, type Where, withoutUserInfo } from '../errors.ts';
import { normalizeName } from '../formats/python/name.ts';
import { decodeRequirementsFile, splitRequirementsFile, stripComment } from '../formats/python/requirements-file.ts';
import {
  parseRequirementsLine,
  type RequirementsLine,
  type RequirementsOption,
} from '../formats/python/requirements-line.ts';
import { oneFix } from './edit-spec.ts';
import { refuseForeignContent } from './foreign-content.ts';
import { interpretRequirement } from './interpret-requirement.ts';
import type { Problems } from './problems.ts';
import { besides, locateProjectPath, readProjectFile } from './project-file.ts';
import { PROVIDED } from './provided.ts';
import { refuseLineSlips, withOptionFix } from './requirement-slips.ts';
import type { Located, Notice, RequirementLine, Requirements } from './spec.ts';

/** Where requirement lines stand: entries of `python_packages`, or a file of the project. */
export type RequirementsInput =
  | { readonly kind: 'entries'; readonly entries: readonly Located<string>[] }
  /** `hint` is for the case that the file is missing. */
  | { readonly kind: 'file'; readonly path: string; readonly where: Where; readonly hint?: string };

interface Collected {
  readonly requirements: RequirementLine[];
  readonly constraints: RequirementLine[];
  indexUrl: Located<string> | undefined;
  readonly extraIndexUrls: Located<string>[];
  readonly findLinks: Located<string>[];
  noIndex: Located<true> | undefined;
  pre: boolean;
  requireHashes: Where | undefined;
  noBinary: string[];
  onlyBinary: string[];
  readonly files: Map<string, string>;
}

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 200;
// https://bugs.launchpad.net/ubuntu/+source/python-pip/+bug/1635463
const NO_PACKAGE = 'pkg-resources==0.0.0';

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
    noIndex: undefined,
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
          hint: 'Write --hash=sha256:… behind it, or remove --require-hashes: the lock holds the hash of every file.',
          data: oneFix(found.requireHashes, '--require-hashes', ''),
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
    ...(found.noIndex === undefined ? {} : { noIndex: found.noIndex }),
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
      hint:
        (from.including.length === 0 && input.kind === 'file' ? input.hint : undefined) ??
        'Paths are relative to the file that names them and must stay inside the project.',
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
      problems.add(
        new CogplanError('COGPLAN_REQUIREMENTS_FILE', what, {
          where: from.where,
          subject: file.path,
          hint: text === undefined ? 'Save the file as UTF-8.' : 'Join the files.',
        }),
      );
      return;
    }
    if (problems.attempt(() => refuseForeignContent(text, file.path)) !== true) return;
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
    const line = problems.attempt(() => {
      refuseLineSlips(text, where);
      try {
        return parseRequirementsLine(text, where);
      } catch (error) {
        throw withOptionFix(error, where);
      }
    });
    if (line === undefined) return;
    for (const option of line.options) {
      if (option.name === '--requirement' || option.name === '--constraint') {
        const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(option.value);
        if (isUrl || line.requirement !== '') {
          problems.add(misplaced(`${option.name} ${option.value}`, isUrl ? REMOTE_FILE : OWN_LINE, where));
          continue;
        }
        await readFile(besides(context.including.at(-1) ?? '', option.value), {
          where,
          constraint: option.name === '--constraint',
          including: context.including,
        });
      } else if (option.name === '--find-links') {
        const folder = context.including.at(-1) ?? '';
        await problems.attemptAsync(
          async () => void found.findLinks.push(await readFindLinks(option.value, where, folder)),
        );
      } else if (option.name !== '--editable') {
        problems.attempt(() => applyOption(option, line));
      } else if (line.requirement !== '') {
        problems.add(misplaced(`${option.name} ${option.value}`, OWN_LINE, where));
      } else {
        await add({ ...line, requirement: option.value }, { ...context, editable: true });
      }
    }
    if (line.requirement !== '' && !isEditable(line)) await add(line, { ...context, editable: false });
  }

  async function add(
    line: RequirementsLine,
    context: { readonly constraint: boolean; readonly including: readonly string[]; readonly editable: boolean },
  ): Promise<void> {
    const requirement = await problems.attemptAsync(() => readRequirement(line, context));
    if (requirement !== undefined) (context.constraint ? found.constraints : found.requirements).push(requirement);
  }

  async function readRequirement(
    line: RequirementsLine,
    context: { readonly constraint: boolean; readonly including: readonly string[]; readonly editable: boolean },
  ): Promise<RequirementLine | undefined> {
    const { where } = line;
    if (context.editable && /^\.\/?$/.test(line.requirement)) {
      const text = '-e . is left out, as Cog does: the project itself is not installed, only copied to /src.';
      notices.push({ level: 'warn', code: 'COGPLAN_REQUIREMENT_REMOVED', text, where });
      return undefined;
    }
    const values = (name: RequirementsOption['name']): readonly string[] =>
      line.options.filter((option) => option.name === name).map((option) => option.value);
    const requirement = await interpretRequirement(line.requirement, {
      directory,
      where,
      from: context.including.at(-1) ?? '',
      hashes: values('--hash'),
      editable: context.editable,
      configSettings: values('--config-settings'),
      globalOptions: values('--global-option'),
    });
    const provided = providedBy(requirement);
    if (provided !== undefined) {
      notices.push({
        level: 'warn',
        code: 'COGPLAN_REQUIREMENT_REMOVED',
        text: `${line.requirement} is left out: the image gets its ${provided} from cogplan.`,
        where,
      });
      return undefined;
    }
    if (requirement.text === NO_PACKAGE) {
      const text = `${NO_PACKAGE} is left out: Debian's pip freeze writes it, and there is no such package.`;
      notices.push({ level: 'warn', code: 'COGPLAN_REQUIREMENT_REMOVED', text, where });
      return undefined;
    }
    if (context.constraint && (requirement.extras.length > 0 || context.editable)) {
      const what = context.editable ? 'is editable' : 'has extras';
      throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `the constraint ${line.requirement} ${what}`, {
        where,
        hint: 'Constraints name versions only; put the rest on the requirement.',
        data: context.editable
          ? undefined
          : oneFix(where, line.requirement, line.requirement.replace(/\[[^\]]*\]/, '')),
      });
    }
    if (context.constraint && requirement.name === undefined) {
      throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `the constraint ${line.requirement} has no name`, {
        where,
        hint: 'Write NAME @ before the address.',
      });
    }
    return requirement;
  }

  async function readFindLinks(value: string, where: Where, from: string): Promise<Located<string>> {
    if (/^https?:\/\//i.test(value)) return { value: checkUrl(value, '--find-links', where), where };
    const path = value.replace(/^file:(?:\/\/(?:localhost)?)?/i, '');
    const candidates = [...new Set([besides(from, path), path])];
    for (const candidate of candidates) {
      const located = await locateProjectPath(directory, candidate);
      if (located !== undefined) return { value: `./${located}`, where };
    }
    throw new CogplanError('COGPLAN_REQUIREMENT_PATH', `${value} is no folder or page of the project`, {
      subject: value,
      where,
      hint: 'Give a URL, or the path of a folder in the project that holds the files.',
    });
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
      case '--no-index':
        found.noIndex = { value: true, where };
        return;
      case '--config-settings':
      case '--global-option':
        if (line.requirement !== '') return;
        throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `${name} stands without a requirement`, { where });
      case '--prefer-binary':
      case '--editable':
      case '--find-links':
      case '--requirement':
      case '--constraint':
        return;
    }
  }
}

/** Its own repository is named without saying whose it is. */
function providedBy({ name, source }: RequirementLine): string | undefined {
  if (name !== undefined) return PROVIDED.has(name) ? name : undefined;
  return source.kind === 'vcs' && /^https:\/\/github\.com\/replicate\/cog(?:\.git)?\/?$/i.test(source.url)
    ? 'cog'
    : undefined;
}

const REMOTE_FILE = 'Save the file in the project and name it there.';
const OWN_LINE = 'Write the option on a line of its own.';
function checkUrl(url: string, option: string, where: Where): string {
  const bare = withoutUserInfo(url);
  const protocol = URL.canParse(bare) ? new URL(bare).protocol : undefined;
  if (protocol === 'https:' || protocol === 'http:') return url;
  throw misplaced(`${option} ${url}`, 'Give an http or https URL.', where);
}

function misplaced(text: string, hint: string, where: Where): CogplanError {
  return new CogplanError('COGPLAN_REQUIREMENT_UNSUPPORTED', `${text.slice(0, 300)} cannot be used there`, {
    subject: text.slice(0, 300),
    where,
    hint,
  });
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

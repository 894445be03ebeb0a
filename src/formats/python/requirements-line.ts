import { CogplanError, type Where } from '../../errors.ts';
import { nearest } from '../../nearest.ts';
import { foreignVariable } from './user-info-variables.ts';

/** An option in its long form: `-i URL` and `--index-url=URL` are the same. */
export interface RequirementsOption {
  readonly name: RequirementsOptionName;
  /** Empty for a flag. */
  readonly value: string;
}

/** A line taken apart: a requirement, options, or a requirement with options behind it. */
export interface RequirementsLine {
  /** Empty for a line of options only. */
  readonly requirement: string;
  readonly options: readonly RequirementsOption[];
  readonly where: Where;
}

interface OptionRow {
  readonly short?: string;
  readonly takesValue: boolean;
}

const OPTIONS = {
  '--config-settings': { short: '-C', takesValue: true },
  '--constraint': { short: '-c', takesValue: true },
  '--editable': { short: '-e', takesValue: true },
  '--extra-index-url': { takesValue: true },
  '--find-links': { short: '-f', takesValue: true },
  '--global-option': { takesValue: true },
  '--hash': { takesValue: true },
  '--index-url': { short: '-i', takesValue: true },
  '--no-binary': { takesValue: true },
  '--no-index': { takesValue: false },
  '--only-binary': { takesValue: true },
  '--pre': { takesValue: false },
  '--prefer-binary': { takesValue: false },
  '--require-hashes': { takesValue: false },
  '--requirement': { short: '-r', takesValue: true },
  '--trusted-host': { takesValue: true },
  '--use-feature': { takesValue: true },
} as const satisfies Record<string, OptionRow>;

export type RequirementsOptionName = keyof typeof OPTIONS;

// Options of pip's command line that people write into lists; pip refuses them there too.
const COMMAND_LINE: Readonly<Record<string, string>> = {
  '--no-deps': 'Remove it, or install the package by a line of build.run: pip install --no-deps NAME.',
  '--no-build-isolation': 'Remove it: a package that is built gets what the lock holds of its build requirements.',
  '--upgrade': 'Remove it: `cogplan lock --upgrade` takes the newest versions.',
  '-U': 'Remove it: `cogplan lock --upgrade` takes the newest versions.',
  '--no-cache-dir': 'Remove it: caches never reach the image.',
  '--user': 'Remove it.',
  '--force-reinstall': 'Remove it: every image is made anew.',
  '--ignore-installed': 'Remove it: every image is made anew.',
  '--no-dependencies': 'Remove it, or install the package by a line of build.run: pip install --no-deps NAME.',
  '--target': 'Remove it: packages go to site-packages of the image.',
  '--quiet': 'Remove it.',
  '-q': 'Remove it.',
  '--verbose': 'Remove it.',
  '--install-option': 'pip dropped it in 23.1; use --config-settings.',
  '--extra': 'Write the extra behind the name: NAME[EXTRA].',
};
// https://pip.pypa.io/en/stable/news/: taken by old versions of pip, without effect since.
const OBSOLETE: Readonly<Record<string, { readonly takesValue: boolean }>> = {
  '--use-wheel': { takesValue: false },
  '--no-use-wheel': { takesValue: false },
  '--always-unzip': { takesValue: false },
  '-Z': { takesValue: false },
  '--allow-all-external': { takesValue: false },
  '--allow-external': { takesValue: true },
  '--allow-unverified': { takesValue: true },
  '--process-dependency-links': { takesValue: false },
};

const NAMES = Object.keys(OPTIONS) as RequirementsOptionName[];
// A requirement ends before the first word that starts with a dash.
const OPTIONS_PART = /(?:^|\s)(-.*)$/s;

/** Takes one logical line apart, without its comment. Unknown options and malformed ones are COGPLAN_REQUIREMENT_INVALID. */
export function parseRequirementsLine(text: string, where: Where): RequirementsLine {
  const variable = foreignVariable(text);
  if (variable !== undefined) {
    throw new CogplanError(
      'COGPLAN_REQUIREMENT_VARIABLE',
      `the line refers to the environment variable ${variable}, which would make the lock depend on this machine`,
      {
        where,
        subject: variable,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what the user writes
        hint: 'Write the value itself. A variable may stand only for user name or password of a URL: https://${USER}:${TOKEN}@host/.',
      },
    );
  }
  const start = findOptions(text);
  const requirement = (start === undefined ? text : text.slice(0, start)).trim();
  const options = start === undefined ? [] : parseOptions(splitWords(text.slice(start), where), where);
  return { requirement, options, where };
}

function findOptions(text: string): number | undefined {
  const match = OPTIONS_PART.exec(text);
  return match?.[1] === undefined ? undefined : text.length - match[1].length;
}

function parseOptions(words: readonly string[], where: Where): readonly RequirementsOption[] {
  const options: RequirementsOption[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const obsolete = OBSOLETE[word.split('=')[0] ?? ''];
    if (obsolete !== undefined) {
      if (obsolete.takesValue && !word.includes('=')) index++;
      continue;
    }
    const { name, attached } = recognise(word, where);
    if (!OPTIONS[name].takesValue) {
      if (attached !== undefined) throw invalid(`${name} takes no value`, where);
      options.push({ name, value: '' });
      continue;
    }
    const value = attached ?? words[++index];
    if (value === undefined || value === '') throw invalid(`${name} lacks its value`, where);
    options.push({ name, value });
  }
  return options;
}

function recognise(word: string, where: Where): { name: RequirementsOptionName; attached: string | undefined } {
  const [head = '', ...tail] = word.split('=');
  const long = head === '--pypi-url' ? '--index-url' : NAMES.find((name) => name === head);
  if (long !== undefined) return { name: long, attached: tail.length === 0 ? undefined : tail.join('=') };
  const short = NAMES.find((name) => {
    const row: OptionRow = OPTIONS[name];
    return row.short !== undefined && word.startsWith(row.short);
  });
  if (short !== undefined && !word.startsWith('--')) {
    return { name: short, attached: word.length === 2 ? undefined : word.slice(2) };
  }
  if (!word.startsWith('-')) throw invalid(`"${word}" is not expected after the options`, where);
  const repair = COMMAND_LINE[head];
  if (repair !== undefined)
    throw invalid(`${head} is an option of pip's command line, not of a requirement`, where, repair);
  const suggestion = nearest(head, NAMES);
  throw invalid(
    `unknown option ${head}`,
    where,
    suggestion === undefined ? `Known options: ${NAMES.join(', ')}.` : `Did you mean ${suggestion}?`,
  );
}

// Words as a POSIX shell would split them, without any expansion.
function splitWords(text: string, where: Where): readonly string[] {
  const words: string[] = [];
  let current: string | undefined;
  let quote: string | undefined;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? '';
    if (quote !== undefined) {
      if (character === quote) quote = undefined;
      else current += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      current ??= '';
    } else if (/\s/.test(character)) {
      if (current !== undefined) words.push(current);
      current = undefined;
    } else {
      current = (current ?? '') + (character === '\\' ? (text[++index] ?? '') : character);
    }
  }
  if (quote !== undefined) throw invalid(`a closing ${quote} is missing`, where);
  if (current !== undefined) words.push(current);
  return words;
}

function invalid(message: string, where: Where, hint?: string): CogplanError {
  return new CogplanError('COGPLAN_REQUIREMENT_INVALID', message, { where, hint });
}

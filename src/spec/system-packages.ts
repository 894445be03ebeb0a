import { CogplanError, type Where } from '../errors.ts';
import { isPackageName } from '../formats/debian/dependency.ts';
import { parseDebianVersion } from '../formats/debian/version.ts';
import { oneFix } from './edit-spec.ts';
import type { Located } from './spec.ts';

export interface AskedPackage {
  readonly name: string;
  /** After `=`: a version, or a pattern with `*` and `?`, as `apt-get install` takes it. */
  readonly version?: string;
  /** After `/`: only what this suite has will do. */
  readonly suite?: string;
  /** As written. */
  readonly text: string;
  readonly where: Where;
}

/** A word that is understood and changes nothing here: `-y`, `apt-get update`. */
export interface IgnoredWords {
  readonly text: string;
  readonly why: string;
  readonly where: Where;
}

/**
 * The packages that `build.system_packages` names. Cog hands the list to `apt-get install`, so an entry may hold several
 * words; options that change nothing here, comments and whole `apt-get` command lines are understood, each told to
 * `onIgnored`. Anything else is COGPLAN_SYSTEM_PACKAGE_SYNTAX, with what it should be. Without an architecture, any will do.
 */
export function parseAskedPackages(
  entries: readonly Located<string>[],
  architecture: string | undefined,
  onIgnored: (ignored: IgnoredWords) => void = () => {},
): readonly AskedPackage[] {
  return entries.flatMap(({ value, where }) =>
    namesOf(value, (text, why) => onIgnored({ text, why, where }), where).map((word) =>
      parseWord(word, where, architecture),
    ),
  );
}

/** Whether `--install-recommends` stands among the entries: it holds for all, as they are one command of apt-get to Cog. */
export function asksForRecommended(entries: readonly Located<string>[]): boolean {
  let found = false;
  parseAskedPackages(entries, undefined, ({ text }) => {
    found ||= text === INSTALL_RECOMMENDS;
  });
  return found;
}

/** The one option that changes what is installed: it stays among the system packages. */
export const INSTALL_RECOMMENDS = '--install-recommends';

type Ignore = (text: string, why: string) => void;

function namesOf(entry: string, ignore: Ignore, where: Where): readonly string[] {
  const text = entry
    .split('\n')
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').replace(/\\\s*$/, ''))
    .join(' ');
  // A sign between commands may stand without blanks around it.
  const words = text
    .replace(/&&|\|\||[;|]/g, ' $& ')
    .split(/\s+/)
    .filter((word) => word !== '');
  const names: string[] = [];
  for (const command of splitCommands(words)) names.push(...namesOfCommand(command, ignore, where));
  return names;
}

function splitCommands(words: readonly string[]): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  for (const word of words) {
    if (word === '&&' || word === ';') commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands.filter((command) => command.length > 0);
}

const PREFIXES = new Set(['RUN', 'sudo', '-E', 'DEBIAN_FRONTEND=noninteractive']);
const WITHOUT_EFFECT = new Set(['update', 'clean', 'autoclean', 'autoremove', 'upgrade', 'dist-upgrade']);

function namesOfCommand(command: readonly string[], ignore: Ignore, where: Where): readonly string[] {
  const start = command.findIndex((word) => !PREFIXES.has(word));
  // `sudo` is a package too.
  const words = APT.has(command[start] ?? '') ? command.slice(start) : command;
  const [program = '', ...rest] = words;
  const isApt = APT.has(program) && (program !== 'apt' || isAction(rest));
  if (isApt) {
    const action = rest.find((word) => !word.startsWith('-')) ?? '';
    if (action === 'install') return withoutOptions(rest.toSpliced(rest.indexOf('install'), 1), ignore, where);
    if (WITHOUT_EFFECT.has(action)) {
      ignore(words.join(' '), 'packages are taken from the locked indexes, and nothing else is kept');
      return [];
    }
    throw syntaxError(command.join(' '), where, `${command.join(' ')} installs nothing`, NAMES_ALONE);
  }
  if (program === 'rm' && rest.every((word) => word.startsWith('-') || word.startsWith('/var/lib/apt/lists'))) {
    ignore(command.join(' '), 'an image holds no package lists');
    return [];
  }
  return withoutOptions(words, ignore, where);
}

const APT = new Set(['apt', 'apt-get', 'aptitude']);

function isAction(words: readonly string[]): boolean {
  const action = words.find((word) => !word.startsWith('-')) ?? '';
  return action === 'install' || WITHOUT_EFFECT.has(action);
}

/** Options of apt-get(8) that say what is so anyway. */
const NO_EFFECT: Readonly<Record<string, string>> = {
  '--allow-unauthenticated': 'every package is checked against a signed index',
  '--assume-yes': 'nothing is asked',
  '--fix-broken': 'the closure is computed anew',
  '--fix-missing': 'a package that cannot be had is an error',
  '--force-yes': 'nothing is asked',
  [INSTALL_RECOMMENDS]: 'recommended packages are added, to all system packages',
  '--no-install-recommends': 'recommended packages are added only where cogplan.yaml asks for them',
  '--no-install-suggests': 'suggested packages are never added',
  '--no-upgrade': 'the lock decides versions',
  '--quiet': 'output is not affected',
  '--yes': 'nothing is asked',
};

function withoutOptions(words: readonly string[], ignore: Ignore, where: Where): readonly string[] {
  return words.filter((word) => {
    if (!word.startsWith('-')) return true;
    const why = /^-[yqfm]+$/.test(word) ? 'nothing is asked' : NO_EFFECT[word];
    if (why === undefined) {
      const message = `${word} is an option of apt-get, not a package`;
      throw syntaxError(word, where, message, 'Leave it out: only names stand here.');
    }
    ignore(word, why);
    return false;
  });
}

const NAMES_ALONE = 'Give the names of the packages alone; other commands belong to build.run.';

/** Whether a version is one that was asked for. */
export function acceptsVersion(pattern: string, version: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === version;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${source}$`).test(version);
}

const COMMANDS = new Set(['apt-get', 'install', 'update', 'upgrade', 'RUN', '|', '||']);

function parseWord(word: string, where: Where, architecture: string | undefined): AskedPackage {
  if (COMMANDS.has(word)) {
    throw syntaxError(
      word,
      where,
      `${word} is part of a command, not a package`,
      'Give the names of the packages alone.',
    );
  }
  const equals = word.indexOf('=');
  const [qualified = '', suite] = (equals < 0 ? word : word.slice(0, equals)).split('/', 2);
  const version = equals < 0 ? undefined : word.slice(equals + 1);
  const colon = qualified.indexOf(':');
  const name = colon < 0 ? qualified : qualified.slice(0, colon);
  const qualifier = colon < 0 ? undefined : qualified.slice(colon + 1);
  if (!isPackageName(name) || name !== name.toLowerCase() || name.endsWith('-') || suite === '') {
    throw syntaxError(word, where, `${word} is no name of a Debian package`, adviceFor(word));
  }
  if (qualifier !== undefined && architecture !== undefined && qualifier !== architecture && qualifier !== 'native') {
    throw syntaxError(
      word,
      where,
      `${word} is for ${qualifier}, the image for ${architecture}`,
      `Ask for ${name} alone.`,
    );
  }
  if (
    version !== undefined &&
    (version.length > 100 || parseDebianVersion(version.replace(/[*?]+/g, '0')) === undefined)
  ) {
    throw syntaxError(
      word,
      where,
      `${version} is no Debian version`,
      `Versions are like ${name}=1:2.3-4 or ${name}=1:2.3*.`,
    );
  }
  if (suite !== undefined && (version !== undefined || !/^[a-z][a-z-]*$/.test(suite))) {
    throw syntaxError(word, where, `${word} is no package of a suite`, 'Write name/suite, such as curl/bookworm.');
  }
  return {
    name,
    ...(version === undefined ? {} : { version }),
    ...(suite === undefined ? {} : { suite }),
    text: word,
    where,
  };
}

function adviceFor(word: string): string {
  const lower = word.toLowerCase().replace(/[,;]+$/, '');
  if (/^(?:\.{0,2}\/|https?:)|\.deb$/.test(word)) {
    return 'A .deb by path or URL cannot be named here: its archive can, below archives in cogplan.yaml.';
  }
  if (word.includes(',')) return 'Separate names by blanks, or write each as an entry of its own.';
  if (/[*?]/.test(word)) return 'Patterns stand for versions only, as in ffmpeg=7:5.1*: name each package.';
  if (word.endsWith('-')) return 'A dash at the end asks for a removal: nothing is removed from an image.';
  if (lower !== word && isPackageName(lower)) return `Names are in lower case: ${lower}.`;
  return 'Names are like libgl1 or ffmpeg=7:5.1*.';
}

function syntaxError(subject: string, where: Where, message: string, hint: string): CogplanError {
  const lower = /^Names are in lower case: (.*)\.$/.exec(hint)?.[1];
  const data = lower === undefined ? {} : { data: oneFix(where, subject, lower) };
  return new CogplanError('COGPLAN_SYSTEM_PACKAGE_SYNTAX', message, { subject, where, hint, ...data });
}

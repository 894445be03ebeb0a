import { CogplanError, type Where } from '../../errors.ts';
import { isPackageName } from '../../formats/debian/dependency.ts';
import { parseDebianVersion } from '../../formats/debian/version.ts';
import type { Located } from '../../spec/spec.ts';

export interface AskedPackage {
  readonly name: string;
  /** After `=`: a version, or a pattern with `*` and `?`, as `apt-get install` takes it. */
  readonly version?: string;
  /** As written. */
  readonly text: string;
  readonly where: Where;
}

/**
 * The packages that `build.system_packages` names. Cog hands the list to `apt-get install`, so an entry may hold several
 * words; words that are meant for a shell or for apt itself are refused with what they should be.
 */
export function parseAskedPackages(entries: readonly Located<string>[], architecture: string): readonly AskedPackage[] {
  return entries.flatMap(({ value, where }) =>
    value
      .trim()
      .split(/\s+/)
      .filter((word) => word !== '')
      .map((word) => parseWord(word, where, architecture)),
  );
}

/** Whether a version is one that was asked for. */
export function acceptsVersion(pattern: string, version: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === version;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${source}$`).test(version);
}

/** Which versions will do, for the names that were asked for with a version. */
export function pinsOf(asked: readonly AskedPackage[]): ReadonlyMap<string, (version: string) => boolean> {
  const pins = new Map<string, (version: string) => boolean>();
  for (const { name, version } of asked) {
    if (version === undefined) continue;
    const before = pins.get(name);
    pins.set(name, (candidate) => acceptsVersion(version, candidate) && (before?.(candidate) ?? true));
  }
  return pins;
}

const COMMANDS = new Set(['apt-get', 'install', 'update', 'upgrade', 'sudo', 'RUN', '&&', ';', '\\', '|', '||']);

function parseWord(word: string, where: Where, architecture: string): AskedPackage {
  if (word.startsWith('-')) {
    throw syntaxError(
      word,
      where,
      `${word} is an option of apt-get, not a package`,
      'Leave it out: only names stand here.',
    );
  }
  if (COMMANDS.has(word)) {
    throw syntaxError(
      word,
      where,
      `${word} is part of a command, not a package`,
      'Give the names of the packages alone.',
    );
  }
  const equals = word.indexOf('=');
  const qualified = equals < 0 ? word : word.slice(0, equals);
  const version = equals < 0 ? undefined : word.slice(equals + 1);
  const colon = qualified.indexOf(':');
  const name = colon < 0 ? qualified : qualified.slice(0, colon);
  const qualifier = colon < 0 ? undefined : qualified.slice(colon + 1);
  if (!isPackageName(name) || name !== name.toLowerCase()) {
    const slash = word.includes('/') ? 'A path or a suite after a slash cannot be asked for. ' : '';
    throw syntaxError(
      word,
      where,
      `${word} is no name of a Debian package`,
      `${slash}Names are like libgl1 or ffmpeg=7:5.1*.`,
    );
  }
  if (qualifier !== undefined && qualifier !== architecture && qualifier !== 'native') {
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
  return { name, ...(version === undefined ? {} : { version }), text: word, where };
}

function syntaxError(subject: string, where: Where, message: string, hint: string): CogplanError {
  return new CogplanError('COGPLAN_SYSTEM_PACKAGE_SYNTAX', message, { subject, where, hint });
}

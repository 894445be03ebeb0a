import { isSha256 } from '../../digest.ts';
import { CogplanError, printable, type Where, withoutUserInfo } from '../../errors.ts';
import type { MarkerEnvironment } from '../../formats/python/marker.ts';
import { evaluateMarker } from '../../formats/python/marker.ts';
import { formatRequirement, parseRequirement, type Requirement } from '../../formats/python/requirement.ts';
import { projectUrl } from '../../lock/project-url.ts';
import type { RequirementLine } from '../../spec/spec.ts';
import type { BuildReference } from './built/reference.ts';
import type { DirectWheel } from './direct-wheels.ts';

/** A requirement somebody wrote, rather than one of a package. */
export interface Root {
  /** Normalised by PEP 503. */
  readonly name: string;
  readonly requirement: Requirement;
  /** As given to the resolver. */
  readonly text: string;
  /** Where and what, without credentials: `requirements.txt:3: numpy<2`. */
  readonly asked: string;
  readonly where?: Where;
  /** `sha256:…`; empty means any. */
  readonly hashes: readonly string[];
  /** What it asks for is not wanted. */
  readonly noDeps?: boolean;
  /** `KEY=VALUE` for the backend that builds it; absent: none. */
  readonly settings?: readonly string[];
  /** What the requirement names by path or repository, to be built; the name may be empty until it is. */
  readonly source?: BuildReference;
  /** The wheel that it names by its place. */
  readonly wheel?: DirectWheel;
}

/** The lines of a project that hold for the target. Those that name bytes which cannot be locked are COGPLAN_REQUIREMENT_UNSUPPORTED. */
export function projectRoots(
  lines: readonly RequirementLine[],
  markers: MarkerEnvironment,
  directory = '.',
): readonly Root[] {
  return lines.flatMap((line): readonly Root[] => {
    const { text, where, hashes, name, marker } = line;
    if (marker !== undefined && !evaluateMarker(marker, markers)) return [];
    const place = where.line === undefined ? where.file : `${where.file}:${where.line}`;
    const given = settingsOf(line);
    const settings = {
      ...(given.length === 0 ? {} : { settings: given }),
      ...(line.noDeps === true ? { noDeps: true } : {}),
    };
    const built = referenceOfLine(line);
    if (built !== undefined) {
      const requirement: Requirement = { name: name ?? '', extras: line.extras, specifiers: [] };
      const asked = `${place}: ${printable(withoutUserInfo(text))}`;
      return [{ name: name ?? '', requirement, text: '', asked, where, hashes: [], ...settings, source: built }];
    }
    const wheel = wheelOf(line, directory);
    if (name === undefined || (wheel === undefined && line.source.kind !== 'index')) throw unsupported(line);
    if (wheel !== undefined) {
      const requirement: Requirement = { name, extras: line.extras, specifiers: [], url: addressOf(wheel) };
      return [
        {
          name,
          requirement,
          text: formatRequirement(requirement),
          asked: `${place}: ${printable(text)}`,
          where,
          hashes,
          ...settings,
          wheel,
        },
      ];
    }
    const requirement = parseRequirement(text, where);
    return [{ name, requirement, text, asked: `${place}: ${printable(text)}`, where, hashes, ...settings }];
  });
}

/** What a line names that has to be built: a repository, an archive or a directory. */
function referenceOfLine(line: RequirementLine): BuildReference | undefined {
  const { source, hashes } = line;
  if (source.kind === 'index' || (source.kind !== 'vcs' && source.form === 'wheel')) return undefined;
  const below = source.subdirectory === undefined ? {} : { subdirectory: source.subdirectory };
  if (source.kind === 'vcs') {
    return { kind: 'git', url: source.url, ...(source.ref === undefined ? {} : { ref: source.ref }), ...below };
  }
  if (source.kind === 'path') {
    return { kind: source.form === 'archive' ? 'file' : 'directory', path: source.path, ...below };
  }
  const sha256 = hashes.find((hash) => hash.startsWith('sha256:'))?.slice('sha256:'.length);
  return {
    kind: 'archive',
    url: source.url,
    ...(sha256 !== undefined && isSha256(sha256) ? { sha256 } : {}),
    ...below,
  };
}

/** Options for setup.py reach it by the key of their own name. https://setuptools.pypa.io/en/latest/build_meta.html */
export function settingsOf({
  configSettings = [],
  globalOptions = [],
}: Pick<RequirementLine, 'configSettings' | 'globalOptions'>): readonly string[] {
  return [...configSettings, ...globalOptions.map((option) => `--global-option=${option}`)];
}

function wheelOf({ source }: RequirementLine, directory: string): DirectWheel | undefined {
  if (source.kind === 'url' && source.form === 'wheel') return { kind: 'url', url: source.url };
  if (source.kind !== 'path' || source.form !== 'wheel') return undefined;
  return { kind: 'path', directory, path: source.path, sha256: source.sha256 };
}

/** For the edges of the lock: without credentials. */
function addressOf(wheel: DirectWheel): string {
  return wheel.kind === 'url' ? withoutUserInfo(wheel.url) : projectUrl(wheel.path);
}

function unsupported({ text, where, source }: RequirementLine): CogplanError {
  const what = {
    index: 'a version from an index',
    url: 'a wheel without a hash',
    path: 'a local wheel',
    vcs: 'a checkout from version control',
  }[source.kind];
  return new CogplanError('COGPLAN_REQUIREMENT_UNSUPPORTED', `${text.slice(0, 300)} cannot be locked: it is ${what}`, {
    subject: text.slice(0, 300),
    where,
    hint: 'Name a released version, or use: name @ https://…/name-1.0-py3-none-any.whl#sha256=…',
  });
}

/** Requirements of cogplan itself. */
export function ownRoots(names: readonly string[]): readonly Root[] {
  return names.map((name) => ({
    name,
    requirement: parseRequirement(name),
    text: name,
    asked: `cogplan: ${name}`,
    hashes: [],
  }));
}

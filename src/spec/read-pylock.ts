import { CogplanError, type Where } from '../errors.ts';
import { interpretRequirement } from './interpret-requirement.ts';
import type { Problems } from './problems.ts';
import type { Located, RequirementLine, Requirements } from './spec.ts';
import { parseToml, type TomlTable, table, tables, text } from './toml-source.ts';

export interface PythonFile {
  /** Absolute path of the project. */
  readonly directory: string;
  /** Relative to the project. */
  readonly path: string;
  readonly content: string;
  readonly problems: Problems;
}

/** What a file of pins asks for, without the file itself. */
export type Pinned = Pick<Requirements, 'requirements' | 'constraints' | 'indexUrl' | 'extraIndexUrls'>;

const PYPI = /^https:\/\/pypi\.org\/simple\/?$/;

/**
 * Reads `pylock.toml`: each package is asked for with its version, its marker and the hashes of its files, from its own index.
 * https://packaging.python.org/en/latest/specifications/pylock-toml/
 */
export async function readPylock({ directory, path, content, problems }: PythonFile): Promise<Pinned> {
  const source = parseToml(content, path);
  const version = text(source.root['lock-version']);
  if (version === undefined || !version.startsWith('1.')) {
    throw new CogplanError('COGPLAN_REQUIREMENTS_FILE', `${path} has lock-version ${version ?? 'none'}, not 1.0`, {
      where: source.find('lock-version'),
      hint: 'Write the file anew with the tool that made it.',
    });
  }
  const lines = source.headings('packages');
  const requirements: RequirementLine[] = [];
  const indexes: Located<string>[] = [];
  for (const [position, item] of tables(source.root.packages).entries()) {
    const line = lines[position];
    const where: Where =
      line === undefined ? source.find(`"${text(item.name) ?? ''}"`) : { file: path, line, column: 1 };
    const index = text(item.index);
    if (index !== undefined) indexes.push({ value: index, where });
    const requirement = await problems.attemptAsync(() =>
      interpretRequirement(requirementText(item, where), { directory, where, from: path, hashes: hashesOf(item) }),
    );
    if (requirement !== undefined) requirements.push(requirement);
  }
  return { requirements, constraints: [], ...indexesOf(indexes) };
}

/** Indexes in the order of their first package; the default one is named only when it is not asked at all. */
export function indexesOf(found: readonly Located<string>[]): Pick<Requirements, 'indexUrl' | 'extraIndexUrls'> {
  const unique = [...new Map([...found].reverse().map((item) => [item.value, item])).values()].reverse();
  const others = unique.filter(({ value }) => !PYPI.test(value));
  const [first, ...rest] = others;
  if (first === undefined || others.length < unique.length) return { extraIndexUrls: others };
  return { indexUrl: first, extraIndexUrls: rest };
}

function requirementText(item: TomlTable, where: Where): string {
  const name = text(item.name);
  if (name === undefined) throw invalid('a package has no name', where);
  const marker = readMarker(text(item.marker), where);
  const [vcs, archive, directory] = [table(item.vcs), table(item.archive), table(item.directory)];
  const suffix = marker === undefined ? '' : ` ; ${marker}`;
  const subdirectory = text(vcs.subdirectory) ?? text(archive.subdirectory) ?? text(directory.subdirectory);
  const fragment = subdirectory === undefined ? '' : `#subdirectory=${subdirectory}`;
  if (item.vcs !== undefined) {
    const [url, commit] = [text(vcs.url) ?? text(vcs.path), text(vcs['commit-id'])];
    if (text(vcs.type) !== 'git' || url === undefined || commit === undefined) {
      throw invalid(`${name} is from a repository that is not git, or names no commit`, where);
    }
    return `${name} @ git+${url}@${commit}${fragment}${suffix}`;
  }
  if (item.archive !== undefined) return `${name} @ ${place(archive, name, where)}${fragment}${suffix}`;
  if (item.directory !== undefined) return `${name} @ ${place(directory, name, where)}${fragment}${suffix}`;
  const version = text(item.version);
  if (version === undefined) throw invalid(`${name} has no version`, where);
  return `${name}==${version}${suffix}`;
}

function place(entry: TomlTable, name: string, where: Where): string {
  const url = text(entry.url);
  if (url !== undefined) return url;
  const path = text(entry.path);
  if (path === undefined) throw invalid(`${name} names neither URL nor path`, where);
  return /^[./]/.test(path) ? path : `./${path}`;
}

// Without extras and with the default groups, as an installer that is asked for nothing else.
function readMarker(marker: string | undefined, where: Where): string | undefined {
  if (marker === undefined || !/\b(?:extras|dependency_groups)\b/.test(marker)) return marker;
  throw new CogplanError(
    'COGPLAN_REQUIREMENT_UNSUPPORTED',
    `the marker \`${marker}\` asks for extras or groups of the lock`,
    {
      where,
      hint: 'Write the file anew without optional extras and groups.',
    },
  );
}

function hashesOf(item: TomlTable): readonly string[] {
  const files = [...tables(item.wheels), table(item.sdist), table(item.archive)];
  return files.flatMap((file) => {
    const sha256 = text(table(file.hashes).sha256);
    return sha256 === undefined ? [] : [`sha256:${sha256}`];
  });
}

function invalid(reason: string, where: Where): CogplanError {
  return new CogplanError('COGPLAN_REQUIREMENTS_FILE', `${where.file}: ${reason}`, {
    where,
    hint: 'Write the file anew with the tool that made it.',
  });
}

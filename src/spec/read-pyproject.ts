import { CogplanError, type Where } from '../errors.ts';
import { normalizeName } from '../formats/python/name.ts';
import { interpretRequirement } from './interpret-requirement.ts';
import { indexesOf, type Pinned, type PythonFile } from './read-pylock.ts';
import type { Located, RequirementLine } from './spec.ts';
import { parseToml, type TomlSource, type TomlTable, table, tables, text, texts } from './toml-source.ts';

/**
 * Reads the dependencies of `pyproject.toml`. With `uv.lock`, every package that uv locked is pinned to its version and the hashes of its
 * files; without, `[tool.uv.sources]` still says where a dependency comes from.
 * https://packaging.python.org/en/latest/specifications/pyproject-toml/ https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
 */
export async function readPyproject(
  file: PythonFile,
  uvLock: { readonly path: string; readonly content: string } | undefined,
): Promise<Pinned> {
  const { directory, path, content, problems } = file;
  const source = parseToml(content, path);
  const project = table(source.root.project);
  refuseOtherLayouts(source, path);
  const uv = table(table(source.root.tool).uv);
  const locked = uvLock === undefined ? undefined : lockedPackages(parseToml(uvLock.content, uvLock.path), uvLock.path);
  const sources = locked?.direct ?? declaredSources(uv);

  const requirements: RequirementLine[] = [];
  const from = source.find('dependencies').line ?? 1;
  for (const dependency of texts(project.dependencies)) {
    const where = source.find(dependency, from);
    const line = await problems.attemptAsync(() =>
      interpretRequirement(withSource(dependency, sources), { directory, where, from: path }),
    );
    if (line !== undefined) requirements.push(line);
  }
  if (locked === undefined) return { requirements, constraints: [], ...indexesOf(declaredIndexes(uv, source)) };

  const asked = new Set(requirements.map((line) => line.name));
  const constraints: RequirementLine[] = [];
  for (const { text: pin, where, hashes, direct, name } of locked.pins) {
    if (direct && asked.has(normalizeName(name))) continue;
    const line = await problems.attemptAsync(() =>
      interpretRequirement(pin, { directory, where, from: locked.path, hashes }),
    );
    if (line !== undefined) (direct ? requirements : constraints).push(line);
  }
  return { requirements, constraints, ...indexesOf(locked.indexes) };
}

function refuseOtherLayouts(source: TomlSource, path: string): void {
  const poetry = table(table(source.root.tool).poetry);
  const project = table(source.root.project);
  if (Array.isArray(project.dependencies)) return;
  const isPoetry = poetry.dependencies !== undefined;
  const isDynamic = texts(project.dynamic).includes('dependencies');
  const [reason, hint] = isPoetry
    ? [
        'holds the dependencies in the words of Poetry',
        'Run `poetry export -f requirements.txt -o requirements.txt`, and name that file.',
      ]
    : isDynamic
      ? ['leaves the dependencies to its build backend', 'Name the requirements file that the backend reads.']
      : ['has no dependencies below [project]', 'Add them: [project] dependencies = ["numpy"].'];
  throw new CogplanError('COGPLAN_REQUIREMENTS_FILE', `${path} ${reason}`, {
    subject: path,
    where: source.find(isPoetry ? '[tool.poetry.dependencies]' : '[project]'),
    hint,
  });
}

interface Pin {
  readonly name: string;
  readonly text: string;
  readonly where: Where;
  readonly hashes: readonly string[];
  /** Not from an index. */
  readonly direct: boolean;
}

interface Locked {
  readonly path: string;
  readonly pins: readonly Pin[];
  readonly indexes: readonly Located<string>[];
  /** Addresses by normalised name. */
  readonly direct: ReadonlyMap<string, string>;
}

function lockedPackages(source: TomlSource, path: string): Locked {
  if (source.root.version !== 1) {
    throw new CogplanError('COGPLAN_REQUIREMENTS_FILE', `${path} has version ${String(source.root.version)}, not 1`, {
      where: source.find('version'),
      hint: 'Export it: `uv export --format pylock.toml -o pylock.toml`, and name that file.',
    });
  }
  const lines = source.headings('package');
  const pins: Pin[] = [];
  const indexes: Located<string>[] = [];
  const direct = new Map<string, string>();
  for (const [position, item] of tables(source.root.package).entries()) {
    const [name, version] = [text(item.name), text(item.version)];
    const origin = table(item.source);
    if (name === undefined || isProject(origin)) continue;
    const where: Where = { file: path, line: lines[position] ?? 1, column: 1 };
    const address = addressOf(origin);
    const markers = texts(item['resolution-markers']);
    const suffix = markers.length === 0 ? '' : ` ; ${markers.map((marker) => `(${marker})`).join(' or ')}`;
    if (address !== undefined) {
      direct.set(normalizeName(name), address);
      pins.push({ name, text: `${name} @ ${address}${suffix}`, where, hashes: [], direct: true });
      continue;
    }
    const registry = text(origin.registry);
    if (registry !== undefined && /^https?:/.test(registry)) indexes.push({ value: registry, where });
    if (version === undefined) continue;
    pins.push({ name, text: `${name}==${version}${suffix}`, where, hashes: hashesOf(item), direct: false });
  }
  return { path, pins, indexes, direct };
}

function isProject(origin: TomlTable): boolean {
  return origin.editable === '.' || origin.virtual === '.' || origin.directory === '.';
}

// `git = "https://h/r?rev=main&subdirectory=x#COMMIT"`
function addressOf(origin: TomlTable): string | undefined {
  const git = text(origin.git);
  if (git !== undefined) {
    const [address = '', commit = ''] = git.split('#');
    const [url = '', query = ''] = address.split('?');
    const subdirectory = new URLSearchParams(query).get('subdirectory');
    return `git+${url}@${commit}${subdirectory === null ? '' : `#subdirectory=${subdirectory}`}`;
  }
  const path = text(origin.path) ?? text(origin.directory) ?? text(origin.editable) ?? text(origin.virtual);
  return text(origin.url) ?? (path === undefined ? undefined : `./${path}`);
}

// https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources
function declaredSources(uv: TomlTable): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const [name, value] of Object.entries(table(uv.sources))) {
    const origin = Array.isArray(value) ? table(value[0]) : table(value);
    const git = text(origin.git);
    const ref = text(origin.rev) ?? text(origin.tag) ?? text(origin.branch);
    const subdirectory = text(origin.subdirectory);
    const path = text(origin.path);
    const address =
      git === undefined
        ? (text(origin.url) ?? (path === undefined ? undefined : `./${path}`))
        : `git+${git}${ref === undefined ? '' : `@${ref}`}`;
    if (address === undefined) continue;
    sources.set(normalizeName(name), `${address}${subdirectory === undefined ? '' : `#subdirectory=${subdirectory}`}`);
  }
  return sources;
}

function declaredIndexes(uv: TomlTable, source: TomlSource): readonly Located<string>[] {
  const urls = [
    ...tables(uv.index).map((item) => text(item.url)),
    text(uv['index-url']),
    ...texts(uv['extra-index-url']),
  ];
  const named = urls.flatMap((url) => (url === undefined ? [] : [{ value: url, where: source.find(url) }]));
  const replaced = text(uv['index-url']) !== undefined || tables(uv.index).some((item) => item.default === true);
  return replaced || named.length === 0
    ? named
    : [...named, { value: 'https://pypi.org/simple', where: source.find('[tool.uv') }];
}

function withSource(dependency: string, sources: ReadonlyMap<string, string>): string {
  const match = /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?[^;@]*(;.*)?$/.exec(dependency);
  const address = match === null ? undefined : sources.get(normalizeName(match[1] ?? ''));
  if (match === null || address === undefined) return dependency;
  return `${match[1]}${match[2] ?? ''} @ ${address}${match[3] === undefined ? '' : ` ${match[3]}`}`;
}

function hashesOf(item: TomlTable): readonly string[] {
  return [...tables(item.wheels), table(item.sdist)].flatMap((file) => {
    const hash = text(file.hash);
    return hash?.startsWith('sha256:') ? [hash] : [];
  });
}

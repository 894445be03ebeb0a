import { stringify } from 'smol-toml';
import { normalizeName } from '../../formats/python/name.ts';
import { parseRequirement } from '../../formats/python/requirement.ts';
import type { Platform } from '../platform.ts';
import type { File, PythonPackage } from '../schema.generated.ts';
import type { ExportInput } from './export-input.ts';
import { pythonSource, sourcesOf } from './python-source.ts';

const MACHINES: Readonly<Record<Platform, string>> = { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64' };

/**
 * The model's packages as `pylock.toml`, for one environment.
 * https://packaging.python.org/en/latest/specifications/pylock-toml/
 */
export function exportPylock({ lock, platform, target }: ExportInput): string {
  const { indexes } = sourcesOf(lock, target);
  const [major, minor] = target.interpreter.version.split('.');
  const names = new Set(target.python.packages.map((item) => item.name));
  return stringify({
    'lock-version': '1.0',
    environments: [
      `sys_platform == 'linux' and platform_machine == '${MACHINES[platform]}' and implementation_name == 'cpython'`,
    ],
    'requires-python': `==${major}.${minor}.*`,
    'created-by': 'cogplan',
    packages: target.python.packages.map((item) => packageOf(item, indexes, names)),
  });
}

function packageOf(
  item: PythonPackage,
  indexes: readonly string[],
  names: ReadonlySet<string>,
): Record<string, unknown> {
  const dependencies = dependenciesOf(item, names).map((name) => ({ name }));
  return {
    name: item.name,
    version: item.version,
    ...(dependencies.length === 0 ? {} : { dependencies }),
    ...origin(item, indexes),
  };
}

function origin(item: PythonPackage, indexes: readonly string[]): Record<string, unknown> {
  const source = pythonSource(item, indexes);
  const { file } = item.built?.source ?? item;
  const subdirectory = 'subdirectory' in source ? { subdirectory: source.subdirectory } : {};
  switch (source.kind) {
    case 'index':
      return { ...(source.index === undefined ? {} : { index: source.index }), wheels: [fileOf(file)] };
    case 'sdist':
      return { ...(indexes[0] === undefined ? {} : { index: indexes[0] }), sdist: fileOf(file) };
    case 'url':
      return { archive: { url: source.url, ...sized(file), ...subdirectory } };
    case 'path':
      if (item.built === undefined || item.built.source.kind === 'archive') {
        return { archive: { path: source.path, ...sized(file), ...subdirectory } };
      }
      return { directory: { path: source.path, ...subdirectory } };
    case 'git':
      return {
        vcs: {
          type: 'git',
          url: source.url,
          ...(source.ref === undefined ? {} : { 'requested-revision': source.ref }),
          'commit-id': source.commit,
          ...subdirectory,
        },
      };
  }
}

/** Names of the locked packages that an item's requirements ask for, sorted, each once. */
export function dependenciesOf(item: PythonPackage, names: ReadonlySet<string>): readonly string[] {
  const required = item.requires.map((text) => normalizeName(parseRequirement(text).name));
  return [...new Set(required)].filter((name) => names.has(name)).sort();
}

function fileOf(file: File): Record<string, unknown> {
  return { name: fileName(file.url), url: file.url, ...sized(file) };
}

function sized({ size, sha256 }: File): Record<string, unknown> {
  return { size, hashes: { sha256 } };
}

function fileName(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

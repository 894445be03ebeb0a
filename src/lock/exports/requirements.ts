import { CogplanError } from '../../errors.ts';
import type { File, PythonPackage } from '../schema.generated.ts';
import type { ExportInput } from './export-input.ts';
import { pythonSource, sourcesOf } from './python-source.ts';

/**
 * The model's packages as a requirements file with hashes, for `pip install --require-hashes -r`. A package of a git repository or a
 * folder has no hash that pip could check: COGPLAN_EXPORT_IMPOSSIBLE.
 * https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
 */
export function exportRequirements({ lock, platform, target }: ExportInput): string {
  const { indexes, findLinks } = sourcesOf(lock, target);
  const options = [
    ...indexes.map((url, position) => `${position === 0 ? '--index-url' : '--extra-index-url'} ${url}`),
    ...findLinks.map((url) => `--find-links ${url}`),
  ];
  return [
    `# ${platform}, Python ${target.interpreter.version}; from cogplan.lock`,
    ...options,
    ...target.python.packages.map((item) => requirementOf(item, indexes)),
    '',
  ].join('\n');
}

function requirementOf(item: PythonPackage, indexes: readonly string[]): string {
  const source = pythonSource(item, indexes);
  const { file } = item.built?.source ?? item;
  switch (source.kind) {
    case 'index':
    case 'sdist':
      return pinned(`${item.name}==${item.version}`, file);
    case 'url':
      return pinned(
        `${item.name} @ ${source.url}${source.subdirectory === undefined ? '' : `#subdirectory=${source.subdirectory}`}`,
        file,
      );
    case 'path':
      if (item.built === undefined || item.built.source.kind === 'archive') return pinned(`./${source.path}`, file);
      throw impossible(item, 'a folder');
    case 'git':
      throw impossible(item, 'a git repository');
  }
}

function pinned(text: string, { sha256 }: Pick<File, 'sha256'>): string {
  return `${text} \\\n    --hash=sha256:${sha256}`;
}

function impossible({ name, version }: PythonPackage, what: string): CogplanError {
  const text = `${name} ${version} comes from ${what}, which a requirements file with hashes cannot name`;
  return new CogplanError('COGPLAN_EXPORT_IMPOSSIBLE', text, {
    subject: name,
    hint: 'Use --format pylock, or a released version of the package.',
  });
}

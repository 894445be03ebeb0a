import { decompress, untar, unzip } from './commands/archives.ts';
import { fetchFiles } from './commands/fetch.ts';
import {
  changeMode,
  copyFile,
  echo,
  makeDirectories,
  makeLink,
  moveFile,
  removeFiles,
  touch,
} from './commands/files.ts';
import { git } from './commands/git.ts';
import { mim, pip } from './commands/python.ts';
import { nothing, prints, versionOnly } from './commands/quiet.ts';
import { apt } from './commands/system.ts';
import { hub } from './commands/weights.ts';
import { notRead, type Rule } from './run-state.ts';

const python: Rule = (state, invocation) => {
  const [flag, module, ...words] = invocation.words;
  if (flag === '-m' && module === 'pip') return pip(state, { ...invocation, words });
  return versionOnly(state, invocation);
};

const uv: Rule = (state, invocation) =>
  invocation.words[0] === 'pip'
    ? pip(state, { ...invocation, words: invocation.words.slice(1) })
    : notRead('uv other than uv pip');

const archiveSource: Rule = () => notRead('it adds a package archive: name the archive under archives in cogplan.yaml');

/** What is known of commands by their names. A command that stands here may still be one that has to be run. */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['curl', fetchFiles],
  ['wget', fetchFiles],
  ['chmod', changeMode],
  ['mkdir', makeDirectories],
  ['ln', makeLink],
  ['mv', moveFile],
  ['cp', copyFile],
  ['rm', removeFiles],
  ['touch', touch],
  ['tar', untar],
  ['unzip', unzip],
  ...['gunzip', 'bunzip2', 'unxz', 'unzstd', 'gzip', 'bzip2', 'xz', 'zstd'].map((name) => [name, decompress] as const),
  ['pip', pip],
  ['pip3', pip],
  ['uv', uv],
  ['mim', mim],
  ['python', python],
  ['python3', python],
  ['apt', apt],
  ['apt-get', apt],
  ['add-apt-repository', archiveSource],
  ['apt-add-repository', archiveSource],
  ['apt-key', archiveSource],
  ['git', git],
  ['huggingface-cli', hub],
  ['hf', hub],
  ['echo', echo],
  ...['true', ':', 'set', 'export', 'unset', 'sleep', 'sync'].map((name) => [name, nothing] as const),
  ...['pwd', 'whoami', 'uname', 'env', 'printenv', 'nvidia-smi', 'df', 'free', 'nproc'].map(
    (name) => [name, prints] as const,
  ),
  ...['nvcc', 'gcc', 'g++', 'cmake', 'ffmpeg', 'node', 'npm', 'make'].map((name) => [name, versionOnly] as const),
]);

/** The rule for a command's name, without the folder it may be named with. */
export function ruleFor(name: string): Rule | undefined {
  const base = /^\/(?:usr\/(?:local\/)?)?s?bin\/([^/]+)$/.exec(name)?.[1] ?? name;
  return RULES.get(base) ?? (/^pip3?\.\d+$/.test(base) ? pip : /^python3?\.\d+$/.test(base) ? python : undefined);
}

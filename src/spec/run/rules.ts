import { decompress, untar, unzip } from './commands/archives.ts';
import { condition, lookUp } from './commands/condition.ts';
import { aria, fetchFiles, pget } from './commands/fetch.ts';
import {
  cat,
  changeMode,
  copyFile,
  echo,
  install,
  makeDirectories,
  makeLink,
  moveFile,
  printf,
  removeFiles,
  tee,
  touch,
} from './commands/files.ts';
import { git } from './commands/git.ts';
import { mim, pip } from './commands/python.ts';
import { asks, nothing, prints, setOptions, versionOnly } from './commands/quiet.ts';
import { apt, archiveSource } from './commands/system.ts';
import { hub } from './commands/weights.ts';
import { notRead, type Rule } from './run-state.ts';

const python: Rule = (state, invocation) => {
  const [flag, module, ...words] = invocation.words;
  if (flag === '-m' && module === 'pip') return pip(state, { ...invocation, words });
  if (flag === 'setup.py' && (module === 'install' || module === 'develop') && words.length === 0)
    return pip(state, { ...invocation, words: ['install', '.'] });
  const text = invocation.words.join(' ');
  if (FETCHING.test(text)) return notRead('it runs Python that fetches, for which the step needs network: recorded');
  return versionOnly(state, invocation);
};

/** What is known to fetch when it is run. */
const FETCHING =
  /download|from_pretrained|load_state_dict_from_url|urlretrieve|requests\.get|torch\.hub|load_model|create_model|^-m spacy/;

const uv: Rule = (state, invocation) =>
  invocation.words[0] === 'pip'
    ? pip(state, { ...invocation, words: invocation.words.slice(1) })
    : notRead('uv other than uv pip');

/** Programs that are run, and what to do instead. */
const ADVICE: Readonly<Record<string, string>> = {
  conda: 'packages of conda are not locked: take them from PyPI or Debian',
  mamba: 'packages of conda are not locked: take them from PyPI or Debian',
  npm: 'npm is a program to run; it needs the system package npm, and network: recorded',
  playwright: 'playwright is a program to run; it needs network: recorded',
  gdown:
    'gdown is a program to run; Google Drive names no files by address: put the file on another host, or into the project',
  aws: 'aws is a program to run: name s3:// addresses under weights',
  gsutil: 'gsutil is a program to run: name gs:// addresses under weights',
  poetry: 'poetry is a program to run: name its requirements under python_requirements',
  pipenv: 'pipenv is a program to run: name its requirements under python_requirements',
};

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
  ['aria2c', aria],
  ['pget', pget],
  ['install', install],
  ['cat', cat],
  ['tee', tee],
  ['echo', echo],
  ['printf', printf],
  ...Object.entries(ADVICE).map(([name, why]) => [name, (() => notRead(why)) satisfies Rule] as const),
  ...['true', ':', 'export', 'sleep', 'sync'].map((name) => [name, nothing] as const),
  ['hash', (state, invocation) => (invocation.words[0] === '-r' ? nothing : lookUp)(state, invocation)],
  [
    'false',
    (_, { output }) =>
      output === undefined
        ? { class: 'none', why: 'it only fails', status: false }
        : notRead('its output goes to a file'),
  ],
  ['set', setOptions],
  ...['[', 'test'].map((name) => [name, condition] as const),
  ...['which', 'type'].map((name) => [name, lookUp] as const),
  ...['pwd', 'whoami', 'uname', 'env', 'df', 'free', 'nproc', 'lscpu', 'date'].map((name) => [name, prints] as const),
  ...[
    ...['id', 'printenv', 'nvidia-smi', 'du', 'ls', 'file', 'ldd', 'head', 'tail', 'grep', 'egrep', 'wc', 'tree'],
    ...['stat', 'md5sum', 'sha256sum', 'cmp', 'diff', 'pgrep'],
  ].map((name) => [name, asks] as const),
  ...['nvcc', 'gcc', 'g++', 'cmake', 'ffmpeg', 'node', 'npm', 'make'].map((name) => [name, versionOnly] as const),
]);

/** The rule for a command's name, without the folder it may be named with. */
export function ruleFor(name: string): Rule | undefined {
  const base = /^\/(?:usr\/(?:local\/)?)?s?bin\/([^/]+)$/.exec(name)?.[1] ?? name;
  return RULES.get(base) ?? (/^pip3?\.\d+$/.test(base) ? pip : /^python3?\.\d+$/.test(base) ? python : undefined);
}

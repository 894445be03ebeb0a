import { posix } from 'node:path';
import { PROVIDED } from '../../provided.ts';
import type { GitSource } from '../run-reading.ts';
import { notRead, type Outcome, type Rule, type RunState, splitOptions } from '../run-state.ts';

const SILENT = [
  '-U',
  '--upgrade',
  '-q',
  '--quiet',
  '-v',
  '--verbose',
  '--no-cache-dir',
  '--user',
  '--system',
  '--force-reinstall',
  '-I',
  '--ignore-installed',
  '--break-system-packages',
  '--disable-pip-version-check',
  '--no-input',
  '--no-build-isolation',
  '--use-pep517',
  '--no-use-pep517',
  '--prefer-binary',
  '--no-warn-script-location',
  '--no-warn-conflicts',
  '--compile',
  '--no-compile',
  '--no-clean',
  '--no-cache',
  '-y',
  '--yes',
  '--no-deps',
  '--pre',
  '--require-hashes',
  '--no-index',
];
const SILENT_VALUES = [
  '--root-user-action',
  '--default-timeout',
  '--timeout',
  '--retries',
  '--progress-bar',
  '--trusted-host',
  '--upgrade-strategy',
  '--cache-dir',
  '--use-deprecated',
  '--python',
  '-p',
  '--index-strategy',
];
const PASSED_VALUES = [
  '--extra-index-url',
  '--index-url',
  '-i',
  '-f',
  '--find-links',
  '-r',
  '--requirement',
  '-c',
  '--constraint',
  '-e',
  '--editable',
  '--no-binary',
  '--only-binary',
];
/** What the backends that build the packages of a line are told. */
const BUILD_SETTINGS: Readonly<Record<string, string>> = {
  '--config-settings': '--config-settings',
  '--config-setting': '--config-settings',
  '-C': '--config-settings',
  '--global-option': '--global-option',
};

/** `pip install` in all its spellings: what it names is locked with the requirements. */
export const pip: Rule = (state, { words, output, assignments }) => {
  const [verb, ...rest] = words.filter((word, index) => index > 0 || !word.startsWith('-'));
  if (verb === 'uninstall') return uninstall(state, rest);
  if (verb === 'config' && rest.some((word) => word === 'set')) return configure(state, rest);
  if (['--version', 'cache', 'check', 'list', 'freeze', 'show', 'config', undefined].includes(verb)) {
    if (output !== undefined) return notRead('its output goes to a file');
    if (verb === 'show') return { class: 'none', why: `whether ${rest.join(' ')} is installed is not known`, ...ASKS };
    return { class: 'none', why: 'it installs nothing', ...(verb === 'check' ? { status: 'unknown' } : {}) };
  }
  if (verb !== 'install') return notRead(`pip ${verb}`);
  if (output !== undefined) {
    if (!output.path.startsWith('=')) return notRead('its output goes to a file');
    state.warn(`the shell takes ">${output.path}" for a file to write to, not for a version: quote the requirement`);
  }
  const variables = [...state.exported].map((name) => ({ name, value: state.variables.get(name) }));
  const told = fromVariables([...variables, ...assignments]);
  if (typeof told === 'string') return notRead(told);
  const given = splitOptions([...rest, ...told], SILENT, [
    ...SILENT_VALUES,
    ...PASSED_VALUES,
    ...Object.keys(BUILD_SETTINGS),
  ]);
  if (given.unknown !== undefined) return notRead(`pip install with ${given.unknown}`);
  const lines: string[] = [];
  const provided: string[] = [];
  const trees: { readonly git: GitSource; readonly path: string }[] = [];
  const settings = [...given.values].flatMap(([name, values]) =>
    Object.hasOwn(BUILD_SETTINGS, name) ? values.map((value) => ` ${BUILD_SETTINGS[name]} ${quoted(value)}`) : [],
  );
  for (const [name, values] of given.values) {
    for (const value of SILENT_VALUES.includes(name) || Object.hasOwn(BUILD_SETTINGS, name) ? [] : values) {
      const read = optionLine(state, name, value);
      if (read === undefined) return notRead(`${value} lies where no line before it placed anything`);
      if (typeof read === 'string') lines.push(EDITABLE.includes(name) ? `${read}${settings.join('')}` : read);
      else trees.push(read);
    }
  }
  for (const operand of given.operands) {
    const line = operandLine(state, operand);
    if (line === undefined) return notRead(`${operand} lies where no line before it placed anything`);
    if (isProvided(line)) provided.push(line);
    else if (line !== '') lines.push(`${line}${settings.join('')}`);
  }
  const builds = lines.some((line) => /^(?:-e )?git\+|\.(?:tar\.gz|zip)(?:$|[#\s])/.test(line));
  const unused = assignments.map(({ name }) => name).filter((name) => !/^(?:PIP|UV|DEBIAN|GIT|HF|PYTHON)/.test(name));
  if (builds && unused.length > 0)
    state.warn(
      `${unused.join(', ')} is not set where packages are built from source: pass settings by --config-settings`,
    );
  const flags = ['--pre', '--require-hashes', '--no-index'].filter((flag) => given.flags.has(flag));
  const alone = given.flags.has('--no-deps') ? { noDeps: true } : {};
  if (lines.length === 0 && trees.length === 0) {
    return { class: 'none', why: provided.length > 0 ? OWN_COG : 'the image has no pip, and needs none' };
  }
  const leftOut = provided.length === 0 ? '' : `; ${provided.join(', ')} is left out: ${OWN_COG}`;
  for (const line of [...flags, ...lines]) {
    state.requirements.push({ value: state.concrete(line), from: state.from, where: state.where, ...alone });
  }
  for (const tree of trees)
    state.treeRequirements.push({ ...tree, path: state.concrete(tree.path), where: state.where, ...alone });
  return {
    class: 'python',
    why: `locked with the requirements${'noDeps' in alone ? ', without what they need' : ''}: ${[...lines, ...trees.map(({ path }) => `-r ${path}`)].join(', ')}${leftOut}`,
  };
};

/** OpenMMLab's installer is pip for everything but mmcv, of which it has wheels of its own. */
export const mim: Rule = (state, invocation) =>
  invocation.words[0] !== 'install' || invocation.words.some((word) => /^mmcv(?:-full)?(?:[^a-z-]|$)/.test(word))
    ? notRead('mim looks for wheels by the versions that it finds installed')
    : pip(state, invocation);

/** Variables of pip and uv that say what options say (PIP_INDEX_URL), as those options; a text names one that cannot be taken over. */
function fromVariables(
  variables: readonly { readonly name: string; readonly value: string | undefined }[],
): readonly string[] | string {
  const options: string[] = [];
  for (const { name, value } of variables) {
    const option = VARIABLES[name.replace(/^(?:PIP|UV)_/, '')];
    if (!/^(?:PIP|UV)_/.test(name) || QUIET.test(name)) continue;
    if (option === undefined || value === undefined) return `pip install with ${name}`;
    options.push(...value.split(/\s+/).flatMap((word) => (word === '' ? [] : [option, word])));
  }
  return options;
}

const VARIABLES: Readonly<Record<string, string>> = {
  INDEX_URL: '--index-url',
  DEFAULT_INDEX: '--index-url',
  EXTRA_INDEX_URL: '--extra-index-url',
  INDEX: '--extra-index-url',
  FIND_LINKS: '--find-links',
  CONSTRAINT: '--constraint',
};
/** How it installs, which makes no difference to what is locked. */
const QUIET =
  /^(?:PIP|UV)_(?:NO_CACHE_DIR|NO_CACHE|CACHE_DIR|DEFAULT_TIMEOUT|TIMEOUT|HTTP_TIMEOUT|RETRIES|DISABLE_PIP_VERSION_CHECK|NO_INPUT|PROGRESS_BAR|NO_PROGRESS|QUIET|ROOT_USER_ACTION|NO_COLOR|NO_WARN_SCRIPT_LOCATION|BREAK_SYSTEM_PACKAGES|SYSTEM_PYTHON|COMPILE_BYTECODE|LINK_MODE|CONCURRENT_DOWNLOADS|CONCURRENT_INSTALLS|TRUSTED_HOST|INDEX_STRATEGY|PREFER_BINARY)$/;

/** `pip config set global.index-url URL`: it holds for the lines after it, and so for the project. */
function configure(state: RunState, words: readonly string[]): Outcome {
  const [verb, key = '', value, ...more] = words.filter((word) => !/^--(?:global|user|site)$/.test(word));
  if (verb !== 'set' || value === undefined || more.length > 0) return notRead('pip config');
  const name = key.replace(/^(?:global|install|user|site)\./, '');
  if (
    [
      'timeout',
      'retries',
      'no-cache-dir',
      'disable-pip-version-check',
      'break-system-packages',
      'trusted-host',
      'root-user-action',
      'progress-bar',
    ].includes(name)
  )
    return { class: 'none', why: 'it makes no difference to what is locked' };
  const option = {
    'index-url': '--extra-index-url',
    'extra-index-url': '--extra-index-url',
    'find-links': '--find-links',
  }[name];
  if (option === undefined) return notRead(`pip config set ${key}`);
  const lines = value.split(/\s+/).map((url) => `${option} ${state.concrete(url)}`);
  for (const line of lines) state.requirements.push({ value: line, from: state.from, where: state.where });
  return { class: 'python', why: `locked with the requirements: ${lines.join(', ')}` };
}

const ASKS = { status: 'unknown', asksFor: 'package' } as const;
const EDITABLE: readonly string[] = ['-e', '--editable'];
const OWN_COG = 'the image gets its cog from cogplan, whatever is installed here';

/** A requirement for the `cog` module, by its name or its repository. */
function isProvided(line: string): boolean {
  const name = /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?(?=\s*(?:$|[[<>=!~@;]))/.exec(line)?.[0] ?? '';
  if (PROVIDED.has(name.toLowerCase())) return true;
  return /^git\+https:\/\/github\.com\/replicate\/cog(?:\.git)?\/?(?:[@#]|$)/i.test(line);
}

function quoted(value: string): string {
  return /^[\w./:=,+-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

function optionLine(
  state: RunState,
  name: string,
  value: string,
): string | { readonly git: GitSource; readonly path: string } | undefined {
  switch (name) {
    // One line's index must not become that of all the others.
    case '-i':
    case '--index-url':
    case '--extra-index-url':
      return `--extra-index-url ${value}`;
    case '-f':
    case '--find-links':
      return `--find-links ${value}`;
    case '-e':
    case '--editable': {
      const line = operandLine(state, value);
      return line === undefined ? undefined : /^git\+|^hg\+|@/.test(line) ? line : `-e ${line}`;
    }
    case '-r':
    case '--requirement': {
      const path = state.resolve(value);
      const tree = state.treeOf(path);
      if (tree?.git !== undefined) return { git: tree.git, path: posix.relative(tree.path, path) };
      return value.startsWith('/') && !value.startsWith('/src/') ? undefined : `-r ${value.replace(/^\/src\//, '')}`;
    }
    case '-c':
    case '--constraint':
      return value.startsWith('/') && !value.startsWith('/src/') ? undefined : `-c ${value.replace(/^\/src\//, '')}`;
    default:
      return `${name} ${value}`;
  }
}

/** A requirement as a requirements file would say it; '' for pip itself. */
function operandLine(state: RunState, operand: string): string | undefined {
  if (operand === 'pip') return '';
  const isPath = /^(?:\.{0,2}\/|\.{1,2}(?:\[|$))/.test(operand);
  const bare = operand.replace(/\[[^\]]*\]$/, '');
  const path = state.resolve(bare);
  const tree =
    isPath || (bare.includes('/') && !/[:@]/.test(bare)) || state.at(path) !== undefined
      ? state.treeOf(path)
      : undefined;
  if (tree?.git !== undefined) return gitRequirement(tree.git, posix.relative(tree.path, path));
  if (!isPath) return operand;
  const placed = state.at(path);
  if (placed?.url !== undefined && placed.unpack === undefined && /\.(?:whl|tar\.gz|zip)$/.test(path))
    return placed.url;
  return undefined;
}

function gitRequirement({ url, ref }: GitSource, subdirectory: string): string {
  const at = ref === undefined ? '' : `@${ref}`;
  return `git+${url}${at}${subdirectory === '' ? '' : `#subdirectory=${subdirectory}`}`;
}

function uninstall(state: RunState, words: readonly string[]): Outcome {
  const names = words
    .filter((word) => !word.startsWith('-'))
    .map((name) => name.toLowerCase().replaceAll(/[-_.]+/g, '-'));
  const asked = state.requirements.find(({ value }) =>
    names.includes(
      /^[A-Za-z0-9._-]+/
        .exec(value)?.[0]
        .toLowerCase()
        .replaceAll(/[-_.]+/g, '-') ?? '',
    ),
  );
  if (names.length > 0 && names.every((name) => PROVIDED.has(name))) return { class: 'none', why: OWN_COG };
  if (asked !== undefined) return notRead(`it removes ${asked.value}, which a line before it installs`);
  state.warn(`pip uninstall has no effect: leave ${names.join(', ')} out of the requirements`);
  return { class: 'none', why: 'nothing is installed but what is locked' };
}

import { readdir } from 'node:fs/promises';
import { isMap } from 'yaml';
import { compareBytes } from '../canonical.ts';
import { CogplanError } from '../errors.ts';
import { parseVersion } from '../formats/python/version.ts';
import { oneFix } from './edit-spec.ts';
import {
  invalidValue,
  type KnownKeys,
  keyOf,
  note,
  type Reading,
  readBoolean,
  readMapping,
  readString,
  readStrings,
  readVersionText,
  sourceOf,
  wrongType,
} from './fields.ts';
import { emptyRequirements, readPythonFile } from './read-python-file.ts';
import { readRequirements } from './read-requirements.ts';
import { readRunCommands } from './run-commands.ts';
import type { Located, Requirements, Spec } from './spec.ts';
import { type IgnoredWords, INSTALL_RECOMMENDS, parseAskedPackages } from './system-packages.ts';
import type { YamlField } from './yaml-source.ts';

/** What `build:` holds, normalised. */
export interface Build
  extends Pick<Spec, 'gpu' | 'gpuWhere' | 'cuda' | 'cudnn' | 'sdkVersion' | 'systemPackages' | 'requirements' | 'run'> {
  readonly pythonVersion: Located<string> | undefined;
}

const MOVABLE: ReadonlySet<string> = new Set(['model', 'predict', 'train', 'concurrency', 'environment', 'weights']);

const KNOWN = {
  what: '"build"',
  keys: new Set([
    'gpu',
    'python_version',
    'python_requirements',
    'python_packages',
    'system_packages',
    'pre_install',
    'run',
    'cuda',
    'cudnn',
    'sdk_version',
    'fast',
    'python_overrides',
    'cog_runtime',
  ]),
  elsewhere: {
    ...Object.fromEntries([...MOVABLE].map((key) => [key, `Move it to the top level, out of "build:"`])),
    image:
      'Remove it here: "image" at the top level names what is built, and an image to build on is "base: IMAGE" in cogplan.yaml',
    base: 'Write "base: IMAGE" into cogplan.yaml',
    base_image: 'Write "base: IMAGE" into cogplan.yaml',
    dockerfile: 'Remove it: commands stand below build.run, packages of Debian below build.system_packages',
    python_extra_index_urls: 'Write --extra-index-url URL as a line of the requirements',
    python_find_links: 'Write --find-links URL as a line of the requirements',
  },
  movable: { keys: MOVABLE, to: 'top' },
  synonyms: {
    python: 'python_version',
    cuda_version: 'cuda',
    cudnn_version: 'cudnn',
    use_gpu: 'gpu',
    requirements: 'python_requirements',
    requirements_file: 'python_requirements',
    requirements_txt: 'python_requirements',
    pip_requirements: 'python_requirements',
    pip: 'python_packages',
    packages: 'python_packages',
    pip_packages: 'python_packages',
    dependencies: 'python_packages',
    python_dependencies: 'python_packages',
    apt: 'system_packages',
    apt_packages: 'system_packages',
    apt_get: 'system_packages',
    system_dependencies: 'system_packages',
    commands: 'run',
    run_commands: 'run',
  },
} as const satisfies KnownKeys;

const RETIRED: Readonly<Record<string, string>> = {
  fast: 'fast builds left Cog in 0.17.',
  python_overrides: 'it served fast builds only, which left Cog in 0.17; write the versions into the requirements.',
  cog_runtime: 'Cog dropped it in 0.17.',
};

const NO_REQUIREMENTS = emptyRequirements();

const KNOWN_LEGACY = {
  what: '"environment"',
  keys: new Set([
    ...KNOWN.keys,
    'architectures',
    'post_install',
    'python_extra_index_urls',
    'python_find_links',
    'workdir',
  ]),
  elsewhere: {},
};

/** Reads `build:`, or `environment:` in the layout of 2021; an absent one gives defaults and no Python version. */
export async function readBuild(
  reading: Reading,
  build: YamlField | undefined,
  { legacy }: { readonly legacy: boolean } = { legacy: false },
): Promise<Build> {
  if (build !== undefined && !isMap(build.node)) {
    reading.problems.add(wrongType(build, 'a mapping', 'Indent keys such as python_version below "build:".'));
  }
  const fields =
    build === undefined ? new Map<string, YamlField>() : readMapping(reading, build, legacy ? KNOWN_LEGACY : KNOWN);
  for (const [key, text] of Object.entries(RETIRED)) {
    const field = fields.get(key);
    if (field !== undefined) note(reading, field, 'COGPLAN_KEY_RETIRED', `"${keyOf(field)}" has no effect: ${text}`);
  }
  const gpu = readBoolean(reading, fields.get('gpu')) ?? (legacy && forGpu(reading, fields.get('architectures')));
  const pythonVersion = readPythonVersion(reading, fields.get('python_version'));
  const cuda = readCuda(reading, fields.get('cuda'), gpu);
  const cudnn = readCudnn(reading, fields.get('cudnn'));
  const sdkVersion = readSdkVersion(reading, fields.get('sdk_version'));
  const requirements = withLegacySources(reading, fields, await readPython(reading, fields));
  const workdir = fields.get('workdir');
  if (workdir !== undefined)
    note(reading, workdir, 'COGPLAN_KEY_RETIRED', '"workdir" has no effect: the model runs in /src since 2021.');
  const gpuField = fields.get('gpu') ?? fields.get('architectures');
  return {
    gpu,
    ...(gpuField === undefined ? {} : { gpuWhere: gpuField.where }),
    pythonVersion,
    ...(cuda === undefined ? {} : { cuda }),
    ...(cudnn === undefined ? {} : { cudnn }),
    ...(sdkVersion === undefined ? {} : { sdkVersion }),
    systemPackages: readSystemPackages(reading, fields.get('system_packages')),
    requirements,
    run: readRunCommands(reading, fields),
  };
}

// In 2021 a model was made for both architectures unless it said otherwise.
function forGpu(reading: Reading, architectures: YamlField | undefined): boolean {
  return architectures === undefined || readStrings(reading, architectures).some(({ value }) => value === 'gpu');
}

function withLegacySources(
  reading: Reading,
  fields: ReadonlyMap<string, YamlField>,
  requirements: Requirements,
): Requirements {
  const extra = readStrings(reading, fields.get('python_extra_index_urls'));
  const links = readStrings(reading, fields.get('python_find_links'));
  for (const { value, where } of [...extra, ...links]) {
    if (/^https?:\/\/\S+$/i.test(value)) continue;
    invalidValue(
      reading,
      { value, where },
      {
        message: `"${value}" is no http or https URL`,
        hint: 'Move a package to python_packages.',
      },
    );
  }
  return {
    ...requirements,
    extraIndexUrls: [...requirements.extraIndexUrls, ...extra],
    findLinks: [...requirements.findLinks, ...links],
  };
}

function readPythonVersion(reading: Reading, field: YamlField | undefined): Located<string> | undefined {
  const version = readVersionText(reading, field);
  if (version === undefined || field === undefined) return undefined;
  const { value } = version;
  const match = /^([0-9]+)(?:\.(0|[1-9][0-9]*)(?:\.((?:0|[1-9][0-9]*)(?:(?:a|b|rc)[0-9]+)?))?)?$/.exec(value);
  const [major, minor] = [Number(match?.[1]), match?.[2] === undefined ? undefined : Number(match[2])];
  if (match !== null && minor !== undefined && (major > 3 || (major === 3 && minor >= 7))) return version;
  const reason =
    match === null
      ? 'is not a Python version'
      : minor === undefined
        ? 'must include major and minor version'
        : 'is too old: at least 3.7 is needed';
  const instead = meantPython(value);
  invalidValue(reading, version, {
    message: `python_version "${value}" ${reason}`,
    hint: 'Write for example "3.11" or "3.11.4".',
    meant: instead === undefined ? undefined : { written: sourceOf(field), instead },
  });
  return undefined;
}

/** 3.10 for what comes close to it: `3.1`, which is what is left of it as a number, `v3.10`, `py310`, `>=3.10,<3.12`, `3.10-slim`. */
function meantPython(text: string): string | undefined {
  if (text === '3.1') return '3.10';
  if (text === '3') return '3.11';
  // The oldest there is comes closest.
  if (/^3\.[56](?:\.[0-9]+)?$/.test(text)) return '3.7';
  const glued = /^(?:cp|py|python)?3(7|8|9|1[0-9])$/i.exec(text);
  if (glued !== null) return `3.${glued[1]}`;
  const found = /^[^0-9]*3[.,]0?(1[0-9]|[789])((?:\.[0-9]+)?)(?![0-9])/.exec(text);
  return found === null ? undefined : `3.${found[1]}${found[2]}`;
}

function readCuda(reading: Reading, field: YamlField | undefined, gpu: boolean): Located<string> | undefined {
  const cuda = readVersionText(reading, field);
  if (cuda === undefined || field === undefined) return undefined;
  if (!gpu) note(reading, field, 'COGPLAN_KEY_UNUSED', '"build.cuda" has no effect without "build.gpu: true".');
  const match = /^([0-9]+)\.([0-9]+)(?:\.[0-9]+)?$/.exec(cuda.value);
  if (match !== null && Number(match[1]) >= 9) return cuda;
  const reason = match === null ? 'must include both major and minor version' : 'is too old: at least 9.0 is needed';
  const [, major, minor] = /^cu([0-9]+)([0-9])$/.exec(cuda.value) ?? [];
  const longer = /^[^0-9]*([0-9]{1,2}\.[0-9]+(?:\.[0-9]+)?)(?![0-9.])/.exec(cuda.value)?.[1];
  const instead =
    major === undefined ? (match === null ? (longer ?? LAST_CUDA[cuda.value]) : undefined) : `${major}.${minor}`;
  invalidValue(reading, cuda, {
    message: `cuda "${cuda.value}" ${reason}`,
    hint: 'Write for example "12.4".',
    meant: instead === undefined ? undefined : { written: sourceOf(field), instead },
  });
  return undefined;
}

/** The minor version of each that most builds of torch are for. */
const LAST_CUDA: Readonly<Record<string, string>> = { '10': '10.2', '11': '11.8', '12': '12.4', '13': '13.0' };

function readCudnn(reading: Reading, field: YamlField | undefined): Located<string> | undefined {
  const cudnn = readVersionText(reading, field);
  if (cudnn === undefined || /^[0-9]+(?:\.[0-9]+){0,3}$/.test(cudnn.value)) return cudnn;
  invalidValue(reading, cudnn, {
    message: `cudnn "${cudnn.value}" is not a version`,
    hint: 'Write for example "8" or "9.1".',
  });
  return undefined;
}

function readSdkVersion(reading: Reading, field: YamlField | undefined): Located<string> | undefined {
  const version = readVersionText(reading, field);
  if (version === undefined || version.value === 'prerelease' || parseVersion(version.value) !== undefined)
    return version;
  const isNewest = /^(?:latest|newest|stable|\*)$/i.test(version.value);
  invalidValue(reading, version, {
    message: `sdk_version "${version.value}" is not a version`,
    hint: isNewest ? 'Remove the key: without it, the newest is taken.' : 'Write a version, or "prerelease".',
  });
  return undefined;
}

function readSystemPackages(reading: Reading, field: YamlField | undefined): readonly Located<string>[] {
  return readStrings(reading, field).flatMap((entry) => {
    const options: Located<string>[] = [];
    const onIgnored = ({ text, why, where }: IgnoredWords): void => {
      if (text === INSTALL_RECOMMENDS) {
        options.push({ value: text, where });
        return;
      }
      const code = 'COGPLAN_SYSTEM_PACKAGE_HABIT';
      reading.notices.push({ level: 'info', code, text: `"${text}" changes nothing here: ${why}`, where });
    };
    const packages = reading.problems.attempt(() => parseAskedPackages([entry], undefined, onIgnored)) ?? [];
    return [...options, ...packages.map(({ text, where }) => ({ value: text, where }))];
  });
}

async function readPython(reading: Reading, fields: ReadonlyMap<string, YamlField>): Promise<Requirements> {
  const [packages, file] = [fields.get('python_packages'), fields.get('python_requirements')];
  if (packages !== undefined) {
    note(
      reading,
      packages,
      'COGPLAN_KEY_DEPRECATED',
      '"build.python_packages" is deprecated in favour of python_requirements.',
      'info',
    );
  }
  const entries = readStrings(reading, packages);
  if (entries.length > 0 && file !== undefined) {
    reading.problems.add(
      new CogplanError('COGPLAN_SPEC_CONFLICT', 'python_packages and python_requirements exclude each other', {
        where: packages?.keyWhere,
        hint: 'Move the packages into the requirements file.',
      }),
    );
    return NO_REQUIREMENTS;
  }
  if (file === undefined) return readRequirements(reading.directory, { kind: 'entries', entries }, reading);
  if (reading.source.items(file) !== undefined) {
    const hint = 'A list of requirements is python_packages.';
    const fix = packages === undefined ? oneFix(file.keyWhere, file.name, 'python_packages') : undefined;
    reading.problems.add(wrongType(file, 'the name of a file', hint, fix));
    return NO_REQUIREMENTS;
  }
  const path = readString(reading, file);
  if (path === undefined) return NO_REQUIREMENTS;
  const named = { path: path.value, where: path.where, hint: await otherFiles(reading.directory) };
  return readPythonFile(reading.directory, named, reading);
}

// For the case that the file named is not there.
async function otherFiles(directory: string): Promise<string> {
  const names = await readdir(directory).catch(() => []);
  const [found] = names.filter((name) => /requirements.*\.txt$/i.test(name)).sort(compareBytes);
  const hint = 'Create the file, or correct the path, which is relative to the project and stays inside it.';
  return found === undefined ? hint : `${hint} There is ${found}.`;
}

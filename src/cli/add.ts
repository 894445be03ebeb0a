import { readFile, rm } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { CogplanError } from '../errors.ts';
import { addFile, addRequirement, addToBuild, addWeights, setRequirementsFile } from '../spec/add-to-project.ts';
import { SETTINGS_FILE } from '../spec/settings.ts';
import { lockVerb } from './lock.ts';
import { readUnlockedSpec } from './project-spec.ts';
import { replaceFile } from './replace-file.ts';
import { type CommonOptions, projectDirectory } from './session.ts';

interface AddFileOptions extends CommonOptions {
  readonly project?: string;
  readonly mode?: string;
  readonly unpack?: boolean;
}

interface AddPackageOptions extends CommonOptions {
  readonly project?: string;
  readonly system?: boolean;
}

interface AddWeightsOptions extends CommonOptions {
  readonly project?: string;
  readonly name?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly startup?: boolean;
}

const REQUIREMENTS = 'requirements.txt';

/** `cogplan add file URL [PATH]`: writes it into cogplan.yaml, and locks. */
export async function addFileVerb([url = '', path]: readonly string[], options: AddFileOptions): Promise<number> {
  if (!/^https?:\/\/./.test(url) || !URL.canParse(url)) throw usage(`${url} is not an http or https URL`);
  const name = basename(new URL(url).pathname);
  if (path === undefined && name === '') throw usage('the URL names no file: say where it goes');
  const target = path ?? (options.unpack === true ? '/opt' : `/usr/local/bin/${name}`);
  if (!target.startsWith('/')) throw usage(`${target} is not an absolute path in the image`);
  const mode = options.mode ?? (target.includes('/bin/') && options.unpack !== true ? '0755' : undefined);
  const directory = projectDirectory(options.project === undefined ? [] : [options.project]);
  return changed(directory, options, async (edit) => {
    await edit(SETTINGS_FILE, (text) =>
      addFile(text, {
        url,
        path: target,
        ...(mode === undefined ? {} : { mode }),
        ...(options.unpack === true ? { unpack: true as const } : {}),
      }),
    );
  });
}

/** `cogplan add weights URI [TARGET]`: writes a set of weights into cogplan.yaml, and locks. */
export async function addWeightsVerb([uri = '', path]: readonly string[], options: AddWeightsOptions): Promise<number> {
  const target = path ?? weightsTarget(uri);
  if (!target.startsWith('/')) throw usage(`${target} is not an absolute path in the image`);
  const directory = projectDirectory(options.project === undefined ? [] : [options.project]);
  return changed(directory, options, async (edit) => {
    await edit(SETTINGS_FILE, (text) =>
      addWeights(text, {
        ...(options.name === undefined ? {} : { name: options.name }),
        source: uri,
        target,
        ...(options.include === undefined ? {} : { include: options.include }),
        ...(options.exclude === undefined ? {} : { exclude: options.exclude }),
        ...(options.startup === true ? { place: 'startup' as const } : {}),
      }),
    );
  });
}

/** What lies in the project goes where the project has it; everything else below /src/weights, by its last name. */
function weightsTarget(uri: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1];
  if (scheme === undefined) return posix.join('/src', posix.normalize(uri));
  const plain = uri.slice(scheme.length + 3).replace(/[?#].*$/s, '');
  const name = basename(scheme === 'hf' || scheme === 'huggingface' ? plain.replace(/@.*$/s, '') : plain);
  if (name === '') throw usage(`${uri} has no name to go by: say where the weights go`);
  return `/src/weights/${name}`;
}

/** `cogplan add package NAME`: writes a Python requirement, or with `--system` a Debian package, into the project, and locks. */
export async function addPackageVerb(names: readonly string[], options: AddPackageOptions): Promise<number> {
  const directory = projectDirectory(options.project === undefined ? [] : [options.project]);
  const { file, config } = await readUnlockedSpec(directory, undefined);
  const build = (config.build ?? {}) as { readonly python_requirements?: unknown; readonly python_packages?: unknown };
  return changed(directory, options, async (edit) => {
    for (const name of names) {
      if (options.system === true) await edit(file, (text) => addToBuild(text, 'system_packages', name));
      else if (typeof build.python_requirements === 'string') {
        await edit(build.python_requirements, (text) => addRequirement(text, name));
      } else if (Array.isArray(build.python_packages))
        await edit(file, (text) => addToBuild(text, 'python_packages', name));
      else {
        await edit(REQUIREMENTS, (text) => addRequirement(text, name));
        await edit(file, (text) => setRequirementsFile(text, REQUIREMENTS));
      }
    }
  });
}

type Edit = (file: string, change: (text: string) => string) => Promise<void>;

/** Edits files and locks; when the project cannot be locked like that, the files are as they were. */
async function changed(
  directory: string,
  options: CommonOptions,
  work: (edit: Edit) => Promise<void>,
): Promise<number> {
  const before = new Map<string, string | undefined>();
  const edit: Edit = async (file, change) => {
    const path = join(directory, file);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!before.has(path)) before.set(path, text);
    await replaceFile(path, change(text ?? ''));
  };
  const restore = async (): Promise<void> => {
    for (const [path, text] of before) {
      if (text === undefined) await rm(path, { force: true });
      else await replaceFile(path, text);
    }
  };
  let status: number;
  try {
    await work(edit);
    status = await lockVerb([directory], options);
  } catch (error) {
    await restore();
    throw error;
  }
  if (status !== 0) await restore();
  return status;
}

function usage(message: string): CogplanError {
  return new CogplanError('COGPLAN_USAGE', message, {
    hint: 'For example: cogplan add file https://host/tool /usr/local/bin/tool',
  });
}

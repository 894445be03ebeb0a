import type { Applied } from '../apply/apply.ts';
import { storePlannedBase } from '../apply/build-layers.ts';
import { openSandbox } from '../apply/sandbox/open-sandbox.ts';
import type { Sandbox } from '../apply/sandbox/sandbox.ts';
import type { Json } from '../canonical.ts';
import type { Context } from '../context.ts';
import { CogplanError } from '../errors.ts';
import { plainJson } from '../formats/python/source/py-json.ts';
import { readProjectModel } from '../spec/read-project-model.ts';
import { type ApplyProjectOptions, applyProject, readApplicable } from './apply-project.ts';
import { withProject } from './project-lock.ts';

export interface RunOptions extends ApplyProjectOptions {
  /** `NAME=VALUE`, or `NAME` for the caller's own value. */
  readonly env?: readonly string[];
  /** As for Docker: `all`, a number, or `device=…`. */
  readonly gpus?: string;
}

export interface OpenedModel {
  readonly applied: Applied;
  readonly sandbox: Sandbox;
}

export interface OpenModelRequest {
  readonly directory: string;
  readonly options: RunOptions;
  /** What it is opened for; undefined for any command. */
  readonly purpose?: 'predict' | 'train';
  /** Called before anything is built, with the OpenAPI document where the model's text gives it. */
  readonly before?: (openapi: Json) => Promise<unknown>;
}

/** What every verb that runs an image begins with: the project's image, applied if that is needed, and a sandbox for it. */
export async function openModel(context: Context, request: OpenModelRequest): Promise<OpenedModel> {
  const { directory, options, purpose, before } = request;
  if (options.gpus !== undefined && options.sandbox !== 'docker') {
    throw new CogplanError('COGPLAN_USAGE', '--gpus needs the Docker Engine, which makes devices and drivers visible', {
      subject: '--gpus',
      hint: 'Add --sandbox docker.',
    });
  }
  const { applied, lock } = await withProject(context, directory, async () => {
    const project = await readApplicable(directory, purpose);
    if (purpose !== undefined && before !== undefined) {
      const reading = readProjectModel(project.spec, project.python, purpose);
      if (reading?.kind === 'read') await before(plainJson(reading.openapi) as Json);
    }
    return { applied: await applyProject(context, project, options), lock: project.lock };
  });
  await storePlannedBase(
    context,
    applied.layers.flatMap(({ base }) => base ?? []),
  );
  const sandbox = await openSandbox(context, { tools: lock.tools, kind: options.sandbox });
  return { applied, sandbox };
}

/** Variables as given with `-e`. A name alone takes the caller's value, and nothing if there is none, as Docker does. */
export function variablesOf(context: Context, words: readonly string[] = []): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const word of words) {
    const [name = ''] = word.split('=', 1);
    if (!/^[^\s=\0]+$/.test(name) || word.includes('\0')) {
      throw new CogplanError('COGPLAN_USAGE', `-e ${word} is not of the form NAME=VALUE`, { subject: word });
    }
    const value = word.length > name.length ? word.slice(name.length + 1) : context.env[name];
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}

/** Milliseconds of `--setup-timeout`, no more than a timer takes. */
export function timeoutOf(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds > 0 && seconds <= 2_000_000) return seconds * 1000;
  throw new CogplanError('COGPLAN_USAGE', `--setup-timeout ${text} is not a time`, {
    subject: text,
    hint: 'Give a number of seconds, such as 600.',
  });
}

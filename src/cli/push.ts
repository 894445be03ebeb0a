import { CogplanError } from '../errors.ts';
import { readSpec } from '../spec/read-spec.ts';
import { applyVerb } from './apply.ts';
import type { ApplyProjectOptions } from './apply-project.ts';
import { type CommonOptions, projectDirectory } from './session.ts';

interface PushOptions extends CommonOptions, ApplyProjectOptions {
  readonly directory?: string;
}

/** `cogplan push [IMAGE]`, as Cog has it: apply, and send the image to its registry; without a name to the one that cog.yaml gives. */
export async function pushVerb(argument: readonly string[], options: PushOptions): Promise<number> {
  const directory = projectDirectory(options.directory === undefined ? [] : [options.directory]);
  const name = argument[0] ?? (await nameOf(directory));
  return applyVerb([directory], { ...options, output: [`registry:${name}`] });
}

async function nameOf(directory: string): Promise<string> {
  const { file, image, model } = await readSpec(directory);
  const name = image ?? model;
  if (name !== undefined) return name.value;
  throw new CogplanError('COGPLAN_USAGE', 'there is no name to push the image under', {
    subject: 'push',
    where: { file, key: 'image' },
    hint: 'Give one, such as `cogplan push registry.example.com/me/model:1`, or write it as "image:" into cog.yaml.',
  });
}

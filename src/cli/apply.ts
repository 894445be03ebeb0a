import type { Applied } from '../apply/apply.ts';
import { parseOutput } from '../apply/outputs/parse-output.ts';
import type { Pushed } from '../apply/outputs/registry.ts';
import { writeOutput } from '../apply/outputs/write-output.ts';
import { receiptOf } from '../apply/receipt.ts';
import { acceptPlan, isFile } from './apply-plan.ts';
import { type ApplyProjectOptions, applyProject, readApplicable } from './apply-project.ts';
import { formatBytes } from './hosts/format.ts';
import { readPlanFile } from './plan-file.ts';
import { defaultImagePath, hideProjectFolder } from './project-folder.ts';
import { withProject } from './project-lock.ts';
import { type CommonOptions, print, printJson, projectDirectory, withSession } from './session.ts';

interface ApplyOptions extends CommonOptions, ApplyProjectOptions {
  readonly output?: readonly string[];
}

export async function applyVerb(argument: readonly string[], options: ApplyOptions): Promise<number> {
  const [first] = argument;
  const planPath = first !== undefined && (await isFile(first)) ? first : undefined;
  const directory = projectDirectory(planPath === undefined ? argument : argument.slice(1));
  const asked = options.output ?? [`oci:${defaultImagePath(directory)}`];
  const outputs = asked.map((text) => parseOutput(text));
  return withSession({ ...options, directory }, async ({ context, json }) => {
    const plan = planPath === undefined ? undefined : await readPlanFile(planPath);
    const applied = await withProject(context, directory, async () => {
      if (plan !== undefined) await acceptPlan(directory, plan);
      return applyProject(context, await readApplicable(directory), options);
    });
    if (options.output === undefined) await hideProjectFolder(directory);
    const pushes: Pushed[] = [];
    for (const output of outputs) {
      const pushed = await writeOutput(context, applied, output);
      if (pushed !== undefined) pushes.push(pushed);
    }
    const receipt = receiptOf(applied);
    if (json) printJson(pushes.length === 0 ? receipt : { ...receipt, pushes });
    else for (const line of [...summary(applied, asked), ...pushes.flatMap(pushLines)]) print(line);
    return 0;
  });
}

function summary(applied: Applied, outputs: readonly string[]): string[] {
  const bytes = applied.layers.reduce((sum, layer) => sum + layer.size, 0);
  const sealed = applied.layers.filter((layer) => layer.sealed === 'matched').length;
  const fresh = applied.layers.filter((layer) => layer.sealed === 'new').length;
  return [
    `image ${applied.imageId}`,
    `${applied.layers.length} layers, ${formatBytes(bytes)}; ${sealed} as sealed, ${fresh} sealed now`,
    ...outputs.map((output) => `written to ${output}`),
  ];
}

function pushLines({ reference, manifestDigest, sent, saved }: Pushed): string[] {
  return [`pushed ${reference}@${manifestDigest}: sent ${formatBytes(sent)}, ${formatBytes(saved)} were there`];
}

import type { Applied } from '../apply/apply.ts';
import { parseOutput } from '../apply/outputs/parse-output.ts';
import type { Pushed } from '../apply/outputs/registry.ts';
import type { PushedIndex } from '../apply/outputs/registry-index.ts';
import { checkOutput, writeOutput } from '../apply/outputs/write-output.ts';
import { receiptOf, receiptsOf } from '../apply/receipt.ts';
import { CogplanError } from '../errors.ts';
import { largeFileNotices } from '../spec/large-files.ts';
import { acceptPlan, isFile } from './apply-plan.ts';
import { applyPlatforms, platformsOf } from './apply-platforms.ts';
import { type ApplyProjectOptions, readApplicable } from './apply-project.ts';
import { formatBytes } from './hosts/format.ts';
import { readPlanFile } from './plan-file.ts';
import { defaultImagePath, hideProjectFolder } from './project-folder.ts';
import { withProject } from './project-lock.ts';
import { separateProject } from './separate-project.ts';
import { type CommonOptions, print, printJson, projectDirectory, withSession } from './session.ts';
import { tellMovedWeights } from './tell-moved-weights.ts';
import { tellNotices } from './tell-notices.ts';

interface ApplyOptions extends CommonOptions, ApplyProjectOptions {
  readonly output?: readonly string[];
  readonly join?: boolean;
  /** Large files of the project have layers of their own, from now on. */
  readonly separateWeights?: boolean;
}

export async function applyVerb(argument: readonly string[], options: ApplyOptions): Promise<number> {
  const [first] = argument;
  const planPath = first !== undefined && (await isFile(first)) ? first : undefined;
  const directory = projectDirectory(planPath === undefined ? argument : argument.slice(1));
  const asked = options.output ?? [`oci:${defaultImagePath(directory)}`];
  const outputs = asked.map((text) => parseOutput(text));
  if (planPath !== undefined && options.separateWeights === true) {
    throw new CogplanError('COGPLAN_USAGE', '--separate-weights makes another lock than the one of the plan', {
      hint: 'Run `cogplan lock --separate-weights` and make the plan anew.',
    });
  }
  return withSession({ ...options, directory }, async (session) => {
    const { context, host, json } = session;
    const plan = planPath === undefined ? undefined : await readPlanFile(planPath);
    const { join = false } = options;
    const images = await withProject(context, directory, async () => {
      if (plan !== undefined) await acceptPlan(directory, plan);
      let project = await readApplicable(directory);
      if (options.separateWeights === true && (await separateProject(session, directory))) {
        project = await readApplicable(directory);
      }
      tellNotices(host, await largeFileNotices(project.spec));
      await tellMovedWeights(context, project);
      const platforms = platformsOf(options.platform, project.lock);
      for (const output of outputs) checkOutput(output, platforms.length, join);
      return applyPlatforms(context, project, { ...options, platforms });
    });
    if (options.output === undefined) await hideProjectFolder(directory);
    const pushes: (Pushed | PushedIndex)[] = [];
    for (const output of outputs) {
      const pushed = await writeOutput(context, images, output, { join });
      if (pushed !== undefined) pushes.push(pushed);
    }
    const [first, ...rest] = images;
    const receipt = rest.length === 0 ? receiptOf(first) : receiptsOf(images);
    if (json) printJson(pushes.length === 0 ? receipt : { ...receipt, pushes });
    else {
      for (const applied of images) for (const line of summary(applied, rest.length > 0)) print(line);
      for (const line of [...asked.map((output) => `written to ${output}`), ...pushes.flatMap(pushLines)]) print(line);
    }
    return 0;
  });
}

function summary(applied: Applied, named: boolean): string[] {
  const bytes = applied.layers.reduce((sum, layer) => sum + layer.size, 0);
  const sealed = applied.layers.filter((layer) => layer.sealed === 'matched').length;
  const fresh = applied.layers.filter((layer) => layer.sealed === 'new').length;
  return [
    `image ${applied.imageId}${named ? ` (${applied.platform})` : ''}`,
    `${applied.layers.length} layers, ${formatBytes(bytes)}; ${sealed} as sealed, ${fresh} sealed now`,
  ];
}

function pushLines(pushed: Pushed | PushedIndex): string[] {
  const amounts = `sent ${formatBytes(pushed.sent)}, ${formatBytes(pushed.saved)} were there`;
  if (pushed.kind === 'registry') return [`pushed ${pushed.reference}@${pushed.manifestDigest}: ${amounts}`];
  const names = [...pushed.images.map(({ platform }) => platform), ...pushed.joined.map((name) => `${name} as before`)];
  return [`pushed ${pushed.reference}@${pushed.indexDigest} (${names.join(', ')}): ${amounts}`];
}

import { resolve } from 'node:path';
import { tellProject } from './lock.ts';
import { makePlan, type PlanOptions } from './make-plan.ts';
import { writePlanFile } from './plan-file.ts';
import { type PlanFormat, renderPlan } from './render/render-plan.ts';
import { type CommonOptions, projectDirectory, withSession } from './session.ts';

export interface RenderOptions extends CommonOptions {
  readonly format?: PlanFormat;
  readonly full?: boolean;
  readonly detailedExitcode?: boolean;
}

interface PlanVerbOptions extends RenderOptions, PlanOptions {
  readonly out?: string;
}

/** `cogplan plan`: what a new lock would change; nothing is written but the plan itself. */
export async function planVerb(argument: readonly string[], options: PlanVerbOptions): Promise<number> {
  const directory = projectDirectory(argument);
  return withSession({ ...options, directory }, async (session) => {
    const spec = await tellProject(session, directory, options.file);
    const { plan } = await makePlan(session.context, directory, options, { spec });
    if (options.out !== undefined) await writePlanFile(resolve(options.out), plan);
    process.stdout.write(renderPlan(plan, planFormat(options), { full: options.full ?? false }));
    return options.detailedExitcode && plan.changes.length > 0 ? 2 : 0;
  });
}

export function planFormat({ format, json }: Pick<RenderOptions, 'format' | 'json'>): PlanFormat {
  return format ?? (json ? 'json' : 'text');
}

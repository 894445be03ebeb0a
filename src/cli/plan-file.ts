import { readFile } from 'node:fs/promises';
import type { Plan } from '../plan/diff/schema.generated.ts';
import { replaceFile } from './replace-file.ts';

export async function readPlanFile(path: string): Promise<Plan> {
  const text = await readFile(path, 'utf8');
  const { parsePlan } = await import('../plan/diff/read-plan.ts');
  return parsePlan(text, path);
}

/** Writes a plan so that a reader finds all of it or nothing. */
export async function writePlanFile(path: string, plan: Plan): Promise<void> {
  const { formatPlan } = await import('../plan/diff/read-plan.ts');
  await replaceFile(path, formatPlan(plan));
}

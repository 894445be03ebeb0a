import { readFile } from 'node:fs/promises';
import { formatPlan, parsePlan } from '../plan/diff/read-plan.ts';
import type { Plan } from '../plan/diff/schema.generated.ts';
import { replaceFile } from './replace-file.ts';

export async function readPlanFile(path: string): Promise<Plan> {
  return parsePlan(await readFile(path, 'utf8'), path);
}

/** Writes a plan so that a reader finds all of it or nothing. */
export async function writePlanFile(path: string, plan: Plan): Promise<void> {
  await replaceFile(path, formatPlan(plan));
}

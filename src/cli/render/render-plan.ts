import { unreachable } from '../../errors.ts';
import { formatPlan } from '../../plan/diff/read-plan.ts';
import type { Plan } from '../../plan/diff/schema.generated.ts';
import { planHtml } from './plan-html.ts';
import { planMarkdown } from './plan-markdown.ts';
import { planText } from './plan-text.ts';
import { formatFor } from './terminal-format.ts';

export const PLAN_FORMATS = ['text', 'json', 'markdown', 'html'] as const;
export type PlanFormat = (typeof PLAN_FORMATS)[number];

/** The plan as `--format` asks, laid out for standard output. Ends with a newline. */
export function renderPlan(plan: Plan, format: PlanFormat, { full }: { readonly full: boolean }): string {
  switch (format) {
    case 'text':
      return `${planText(plan, { ...formatFor(process.stdout), full }).join('\n')}\n`;
    case 'json':
      return formatPlan(plan);
    case 'markdown':
      return planMarkdown(plan);
    case 'html':
      return planHtml(plan);
    default:
      return unreachable(format);
  }
}

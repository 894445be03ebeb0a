import { stepRule } from '../plan/files/step-rules.ts';
import type { RunPart } from '../spec/run/run-reading.ts';
import type { Spec } from '../spec/spec.ts';
import { print, printJson } from './session.ts';

/** Prints what each command of `build.run` comes to, and why. */
export function printExplainedRun(spec: Spec, { json }: { readonly json: boolean }): void {
  const { commands, warnings } = spec.runReading;
  const run = commands.map(({ from, command, where, parts }) => ({
    from,
    command,
    where,
    parts: parts.map((part) => ({
      ...part,
      ...(part.class === 'step' ? { network: stepRule(spec, from).network } : {}),
    })),
  }));
  if (json) printJson({ run, warnings: warnings.map(({ value, where }) => ({ text: value, where })) });
  else print(explainedRun(spec).join('\n'));
}

/** The same in lines: the command's place, then a line for each of its parts. */
export function explainedRun(spec: Spec): readonly string[] {
  const { commands, warnings } = spec.runReading;
  if (commands.length === 0) return [`${spec.file} has no build.run.`];
  return [
    ...commands.flatMap(({ from, where, parts }) => [
      `${from}${where.line === undefined ? '' : ` (${where.file}:${where.line})`}`,
      ...parts.map((part) => `  ${part.class.padEnd(8)}${shortened(part.text)}\n          ${meaning(part)}`),
    ]),
    ...warnings.map(({ value, where }) => `${where.file}:${where.line ?? 1}: ${value}`),
  ];
}

function meaning({ class: kind, why, platform }: RunPart): string {
  const text = kind === 'step' ? `run in the sandbox: ${why}` : why;
  return platform === undefined ? text : `on ${platform}: ${text}`;
}

function shortened(text: string): string {
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

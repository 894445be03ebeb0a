import type { Spec } from '../../spec/spec.ts';

export interface StepRule {
  readonly network: 'none' | 'recorded';
  readonly accept: boolean;
}

/** What cogplan.yaml says of the command at `build.run[N]`: the rule that names it, by its words or its number from 1, else the one for all. */
export function stepRule({ settings, runReading }: Pick<Spec, 'settings' | 'runReading'>, from: string): StepRule {
  const index = runReading.commands.findIndex((item) => item.from === from);
  const command = runReading.commands[index]?.command;
  const rule = (settings.values.steps ?? []).find(({ run }) =>
    typeof run === 'number' ? run === index + 1 : run.trim() === command?.trim(),
  );
  return { network: rule?.network ?? settings.values.network ?? 'none', accept: rule?.accept ?? false };
}

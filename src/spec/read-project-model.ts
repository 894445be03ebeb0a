import { CogplanError } from '../errors.ts';
import type { ProjectFiles } from '../formats/python/source/project-code.ts';
import { type ModelReading, readModel } from '../formats/python/source/read-model.ts';
import type { Spec } from './spec.ts';

/** What reading a project's model without running it gave; undefined where the project names none. */
export function readProjectModel(
  spec: Spec,
  files: ProjectFiles,
  mode: 'predict' | 'train' = 'predict',
): ModelReading | undefined {
  const target = spec[mode];
  if (target === undefined) return undefined;
  const { file, name } = target;
  return readModel(files, { file, name, mode, concurrency: spec.concurrency?.max });
}

/** What is wrong with a project's model and trainer, for a person: COGPLAN_MODEL_MISSING or COGPLAN_MODEL_SIGNATURE. */
export function modelProblems(spec: Spec, files: ProjectFiles): readonly CogplanError[] {
  return (['predict', 'train'] as const).flatMap((mode) => {
    const reading = readProjectModel(spec, files, mode);
    const where = spec[mode]?.where;
    return reading?.kind === 'wrong' ? [problemOf(reading, where?.key ?? mode)] : [];
  });
}

function problemOf(
  { missing, problem, place, subject, parameter }: ModelReading & { kind: 'wrong' },
  key: string,
): CogplanError {
  if (missing) {
    return new CogplanError('COGPLAN_MODEL_MISSING', problem, {
      subject,
      where: { file: place.file },
      hint: `Correct ${key} in cog.yaml, or see that .dockerignore does not leave the file out.`,
    });
  }
  const of = parameter === undefined ? subject : `${subject}, parameter '${parameter}'`;
  return new CogplanError('COGPLAN_MODEL_SIGNATURE', `${of}: ${problem}`, {
    subject,
    where: place,
    hint: 'The server would refuse this model at its start.',
    data: { parameter },
  });
}

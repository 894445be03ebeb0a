import { CogplanError } from '../errors.ts';
import type { ProjectFiles } from '../formats/python/source/project-code.ts';
import { formatPyJson, mergeJson } from '../formats/python/source/py-json.ts';
import { type ModelReading, readModel } from '../formats/python/source/read-model.ts';

/** What a project says of its model; a `Spec` does. */
export interface ModelTargets {
  readonly predict?: { readonly file: string; readonly name: string };
  readonly train?: { readonly file: string; readonly name: string };
  readonly concurrency?: { readonly max: number };
}

/** What reading a project's model without running it gave; undefined where the project names none. */
export function readProjectModel(
  targets: ModelTargets,
  files: ProjectFiles,
  mode: 'predict' | 'train' = 'predict',
): ModelReading | undefined {
  const target = targets[mode];
  if (target === undefined) return undefined;
  const { file, name } = target;
  return readModel(files, { file, name, mode, concurrency: targets.concurrency?.max });
}

/**
 * The OpenAPI document of a project's model and trainer together, as Cog's label holds it: compact, its keys sorted byte-wise. Undefined where
 * only running them would tell.
 */
export function modelDocument(targets: ModelTargets, files: ProjectFiles): string | undefined {
  const readings = [readProjectModel(targets, files, 'train'), readProjectModel(targets, files)].filter(
    (reading) => reading !== undefined,
  );
  const documents = readings.flatMap((reading) => (reading.kind === 'read' ? [reading.openapi] : []));
  if (documents.length === 0 || documents.length < readings.length) return undefined;
  return formatPyJson(documents.reduce(mergeJson));
}

/** What is wrong with a project's model and trainer, for a person: COGPLAN_MODEL_MISSING or COGPLAN_MODEL_SIGNATURE. */
export function modelProblems(targets: ModelTargets, files: ProjectFiles): readonly CogplanError[] {
  return (['predict', 'train'] as const).flatMap((mode) => {
    const reading = readProjectModel(targets, files, mode);
    return reading?.kind === 'wrong' ? [problemOf(reading, mode === 'train' ? 'train' : 'run')] : [];
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

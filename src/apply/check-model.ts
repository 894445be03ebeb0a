import { buildId } from '../build-id.ts';
import { canonicalJson } from '../canonical.ts';
import type { Context } from '../context.ts';
import { type Sha256, sha256 } from '../digest.ts';
import type { Image } from '../lock/schema.generated.ts';
import type { ProjectPython } from '../spec/project-python.ts';
import type { ModelTargets } from '../spec/read-project-model.ts';

/** The label in which Cog's tools look for a model's OpenAPI document. */
const SCHEMA_LABEL = 'run.cog.openapi_schema';
/** Kind of derived results: what these files came to. */
const KIND = 'model';

/**
 * Reads a project's model without running it: fails with COGPLAN_MODEL_MISSING or COGPLAN_MODEL_SIGNATURE for one that no server would take, and gives
 * the labels that its image gets from it: none where only running it would tell. Files that were read before cost one look. With `cold`, nothing
 * that is known already is used.
 */
export async function checkModel(
  { store }: Pick<Context, 'store'>,
  { image, python, cold = false }: CheckModelRequest,
): Promise<Readonly<Record<string, string>>> {
  const targets = targetsOf(image);
  if (targets.predict === undefined && targets.train === undefined) return {};
  const key = keyOf(targets, python);
  const known = cold ? undefined : await store.getDerived<{ readonly label: string | null }>(KIND, key);
  if (known !== undefined) return labelsOf(known.label);
  const { modelDocument, modelProblems } = await import('../spec/read-project-model.ts');
  const [problem] = modelProblems(targets, python);
  if (problem !== undefined) throw problem;
  const label = modelDocument(targets, python) ?? null;
  await store.putDerived(KIND, key, { label });
  return labelsOf(label);
}

interface CheckModelRequest {
  readonly image: Image;
  readonly python: ProjectPython;
  readonly cold?: boolean;
}

/** The model that an image's variables name. */
function targetsOf({ env }: Image): ModelTargets {
  const variable = (name: string): string | undefined =>
    env.findLast((item) => item.startsWith(`${name}=`))?.slice(name.length + 1);
  const target = (reference: string | undefined): { readonly file: string; readonly name: string } | undefined => {
    const colon = reference?.lastIndexOf(':') ?? -1;
    return reference === undefined || colon < 1
      ? undefined
      : { file: reference.slice(0, colon), name: reference.slice(colon + 1) };
  };
  const predict = target(variable('COG_PREDICT_TYPE_STUB'));
  const train = target(variable('COG_TRAIN_TYPE_STUB'));
  const max = Number(variable('COG_MAX_CONCURRENCY') ?? '1');
  return {
    ...(predict === undefined ? {} : { predict }),
    ...(train === undefined ? {} : { train }),
    ...(max > 1 ? { concurrency: { max } } : {}),
  };
}

function labelsOf(label: string | null): Readonly<Record<string, string>> {
  return label === null ? {} : { [SCHEMA_LABEL]: label };
}

function keyOf({ predict, train, concurrency }: ModelTargets, python: ProjectPython): Sha256 {
  const target = (one: ModelTargets['predict']) => (one === undefined ? null : [one.file, one.name]);
  const files = python.paths.map((path) => [path, sha256(python.read(path) ?? '')]);
  return sha256(canonicalJson([buildId(), target(predict), target(train), concurrency?.max ?? 1, files]));
}

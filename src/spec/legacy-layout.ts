import { CogplanError } from '../errors.ts';
import { note, type Reading } from './fields.ts';
import type { YamlField, YamlValue } from './yaml-source.ts';

/** The top level in today's words, whatever layout it was written in. */
export interface TopLevel {
  readonly fields: ReadonlyMap<string, YamlField>;
  /** `build` is the `environment` of the layout of 2021. */
  readonly legacy: boolean;
}

const BUILD_KEYS: ReadonlySet<string> = new Set([
  'architectures',
  'cuda',
  'cudnn',
  'gpu',
  'post_install',
  'pre_install',
  'python_extra_index_urls',
  'python_find_links',
  'python_packages',
  'python_requirements',
  'python_version',
  'system_packages',
  'workdir',
]);

/** The fields of 2021 that say nothing about the image. */
const WITHOUT_EFFECT = ['examples', 'name', 'repo'] as const;

/**
 * Reads the layout of 2021, `environment:` with what is `build:` today and `model:` with what is `run:`, as today's. Each translation is
 * told as a notice. A file that mixes both layouts is COGPLAN_SPEC_LEGACY.
 */
export function translateLegacy(reading: Reading, all: readonly YamlField[]): TopLevel {
  const fields = new Map(all.map((field) => [field.name, field]));
  const environment = fields.get('environment');
  const model = fields.get('model');
  const isLegacyBuild = environment !== undefined && isLegacyEnvironment(reading, environment);
  const isLegacyModel = model !== undefined && isPredictor(reading, model);
  if (!isLegacyBuild && !isLegacyModel) return { fields, legacy: false };

  if (isLegacyBuild) {
    refuseBoth(environment, fields.get('build'), 'build');
    fields.delete('environment');
    fields.set('build', environment);
    tell(
      reading,
      environment,
      '"environment" is read as "build", its name since 2021: `cogplan lock --fix` renames it, and quotes python_version.',
    );
  }
  if (isLegacyModel) {
    refuseBoth(model, fields.get('run') ?? fields.get('predict'), 'run');
    fields.delete('model');
    fields.set('run', model);
    tell(
      reading,
      model,
      '"model" is read as "run", which names the predictor today: `cogplan lock --fix` renames it. Its class must have the setup and run (or predict) of today\'s Cog.',
    );
  }
  for (const name of WITHOUT_EFFECT) {
    const field = fields.get(name);
    if (field === undefined) continue;
    fields.delete(name);
    note(reading, field, 'COGPLAN_KEY_RETIRED', `"${name}" has no effect: it left Cog in 2021. Remove it.`);
  }
  return { fields, legacy: isLegacyBuild };
}

function isLegacyEnvironment(reading: Reading, environment: YamlField): boolean {
  return reading.source.fields(environment)?.some((field) => BUILD_KEYS.has(field.name)) ?? false;
}

function isPredictor(reading: Reading, model: YamlValue): boolean {
  const text = reading.source.toPlain(model);
  return typeof text === 'string' && text.includes('.py:');
}

function refuseBoth(old: YamlField, today: YamlField | undefined, name: string): void {
  if (today === undefined) return;
  throw new CogplanError('COGPLAN_SPEC_LEGACY', `"${old.name}" of the layout of 2021 stands beside "${today.name}"`, {
    subject: old.name,
    where: old.keyWhere,
    hint: `Move what is below "${old.name}" to "${name}", and remove it.`,
  });
}

function tell(reading: Reading, field: YamlField, text: string): void {
  note(reading, field, 'COGPLAN_SPEC_LEGACY', text);
}

import type { Json } from '../canonical.ts';
import { printable, type Where } from '../errors.ts';
import type { Notice, RequirementLine, Requirements, Spec } from './spec.ts';

/** One value of a project's configuration, as it was understood, and where it was written. */
export interface ExplainedValue {
  readonly key: string;
  readonly value: Json;
  /** What the value was taken for, where the text alone does not tell. */
  readonly meaning?: string;
  readonly where: Where;
}

export interface ExplainedSpec {
  readonly file: string;
  /** Every file that was read. */
  readonly files: readonly string[];
  readonly values: readonly ExplainedValue[];
  readonly notices: readonly Notice[];
}

/** The normalised spec, value by value, in the order of cog.yaml's reference. Credentials are left out. */
export function explainSpec(spec: Spec): ExplainedSpec {
  const { requirements, settings } = spec;
  const one = (key: string, item: { readonly value: Json; readonly where: Where } | undefined): ExplainedValue[] =>
    item === undefined ? [] : [{ key, value: item.value, where: item.where }];
  const target = (key: string, item: Spec['predict']): ExplainedValue[] =>
    item === undefined ? [] : [{ key, value: `${item.file}:${item.name}`, where: item.where }];
  return {
    file: spec.file,
    files: [
      spec.file,
      ...(settings.file === undefined ? [] : [settings.file]),
      ...requirements.files.map((file) => file.path),
    ],
    values: [
      ...one('build.python_version', spec.pythonVersion),
      { key: 'build.gpu', value: spec.gpu, where: spec.gpuWhere ?? { file: spec.file } },
      ...one('build.cuda', spec.cuda),
      ...one('build.cudnn', spec.cudnn),
      ...one('build.sdk_version', spec.sdkVersion),
      ...spec.systemPackages.flatMap((item) => one('build.system_packages', item)),
      ...explainRequirements(requirements),
      ...spec.run.map(({ command, mounts, where }) => ({
        key: 'build.run',
        value: printable(command),
        ...(mounts.length === 0 ? {} : { meaning: `with the secrets ${mounts.map(({ id }) => id).join(', ')}` }),
        where,
      })),
      ...target('run', spec.predict),
      ...target('train', spec.train),
      ...(spec.concurrency === undefined
        ? []
        : [{ key: 'concurrency.max', value: spec.concurrency.max, where: spec.concurrency.where }]),
      ...spec.environment.map(({ name, value, where }) => ({ key: 'environment', value: `${name}=${value}`, where })),
      ...one('image', spec.image),
      ...one('model', spec.model),
      ...spec.weights.map(({ name, target, place, sources, where }) => ({
        key: 'weights',
        value: {
          name,
          target,
          place,
          sources: sources.map(({ uri, include, exclude }) => ({ uri, include: [...include], exclude: [...exclude] })),
        },
        where,
      })),
      ...Object.entries(settings.values).flatMap(([key, value]) =>
        [value].flat().map((item, index) => ({
          key,
          value: item as Json,
          where: settings.where(Array.isArray(value) ? [key, index] : [key]),
        })),
      ),
    ],
    notices: spec.notices,
  };
}

function explainRequirements(requirements: Requirements): readonly ExplainedValue[] {
  const sources = [
    ...(requirements.indexUrl === undefined ? [] : [{ ...requirements.indexUrl, key: 'index-url' }]),
    ...requirements.extraIndexUrls.map((item) => ({ ...item, key: 'extra-index-url' })),
    ...requirements.findLinks.map((item) => ({ ...item, key: 'find-links' })),
  ];
  return [
    ...requirements.requirements.map((line) => explainLine('requirement', line)),
    ...requirements.constraints.map((line) => explainLine('constraint', line)),
    ...sources.map(({ key, value, where }) => ({ key, value: printable(value), where })),
  ];
}

function explainLine(key: string, line: RequirementLine): ExplainedValue {
  const { source, hashes, editable } = line;
  const meaning = [
    source.kind === 'index' ? [] : [SOURCES[source.kind === 'vcs' ? 'vcs' : source.form]],
    source.kind === 'path' ? ['of the project'] : [],
    source.kind === 'vcs' && source.ref === undefined ? ['at its default branch'] : [],
    editable === true ? ['asked with -e'] : [],
    hashes.length === 0 ? [] : [`with ${hashes.length} ${hashes.length === 1 ? 'hash' : 'hashes'}`],
  ]
    .flat()
    .join(' ');
  return { key, value: printable(line.text), ...(meaning === '' ? {} : { meaning }), where: line.where };
}

const SOURCES = {
  vcs: 'a git repository',
  wheel: 'a wheel',
  archive: 'a source archive',
  directory: 'a folder',
} as const;

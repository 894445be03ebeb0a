import { canonicalJson, compareBytes, type Json } from '../canonical.ts';
import { withoutUserInfo } from '../errors.ts';
import type { Asked } from '../lock/schema.generated.ts';
import { FILES } from '../spec/files.ts';
import type { RequirementLine, Spec, WeightSet } from '../spec/spec.ts';
import { packageText } from '../spec/spec-on.ts';

/** A key of the project's files whose meaning is not what the lock was made for. */
export interface AskedChange {
  readonly family: string;
  readonly key: string;
  /** Undefined: the lock was made without it. */
  readonly before: Json | undefined;
  /** Undefined: no longer asked. */
  readonly after: Json | undefined;
}

/**
 * What the project asks of each family, in normal form: only meaning, no places, comments or spelling. Two specs that ask
 * the same give the same value, so comparing it with the lock's tells which family is stale, and by which key.
 */
export function askedOf(spec: Spec): Asked {
  const { base } = spec.settings.values;
  return {
    ...(base === undefined ? {} : { base: { base } }),
    interpreter: defined({
      'build.python_version': spec.pythonVersion.value,
      'interpreter.builds': spec.settings.values.interpreter?.builds as Json | undefined,
    }),
    accelerator: defined({ 'build.gpu': spec.gpu, 'build.cuda': spec.cuda?.value, 'build.cudnn': spec.cudnn?.value }),
    system: defined({
      'build.system_packages': spec.systemPackages.map(packageText),
      archives: spec.settings.values.archives as Json | undefined,
      recommends: askedRecommends(spec),
      configure: spec.settings.values.configure === 'sealed' ? 'sealed' : undefined,
    }),
    python: askedOfPython(spec),
    weights: { weights: spec.weights.map(askedOfWeights) },
    ...(spec.settings.values.files === undefined
      ? {}
      : { files: { files: spec.settings.values.files as unknown as Json } }),
    steps: defined({
      'build.run': spec.run.map(({ command, mounts }) =>
        mounts.length === 0
          ? command
          : { command, mounts: mounts.map(({ type, id, target }) => ({ type, id, target })) },
      ),
      network: spec.settings.values.network,
      steps: spec.settings.values.steps as unknown as Json | undefined,
    }),
    runtime: defined({ 'build.sdk_version': spec.sdkVersion?.value }),
    image: defined({
      predict: spec.predict && `${spec.predict.file}:${spec.predict.name}`,
      train: spec.train && `${spec.train.file}:${spec.train.name}`,
      'concurrency.max': spec.concurrency?.max,
      environment: spec.environment.map(({ name, value }) => `${name}=${value}`),
      file: FILES.includes(spec.file) ? undefined : spec.file,
    }),
  };
}

/** Differences by family and key, in the families' order. Empty when the lock is in step with the project. */
export function compareAsked(before: Asked, after: Asked): readonly AskedChange[] {
  const changes: AskedChange[] = [];
  for (const family of new Set([...Object.keys(after), ...Object.keys(before)])) {
    const [old, now] = [before[family] ?? {}, after[family] ?? {}];
    for (const key of new Set([...Object.keys(now), ...Object.keys(old)])) {
      const [was, is] = [old[key], now[key]];
      if (was !== undefined && is !== undefined && canonicalJson(was) === canonicalJson(is)) continue;
      if (was !== is) changes.push({ family, key, before: was, after: is });
    }
  }
  return changes;
}

function askedOfWeights({ name, target, place, layout, sources }: WeightSet): Json {
  return {
    name,
    target,
    ...(place === 'image' ? {} : { place }),
    ...(layout === undefined ? {} : { layout }),
    sources: sources.map(({ uri, include, exclude }) =>
      defined({
        uri,
        include: optional([...include].sort(compareBytes)),
        exclude: optional([...exclude].sort(compareBytes)),
      }),
    ),
  };
}

function askedRecommends({ settings }: Spec): Json | undefined {
  const { recommends } = settings.values;
  if (recommends === true) return true;
  return Array.isArray(recommends) ? optional([...new Set(recommends)].sort(compareBytes)) : undefined;
}

function askedOfPython(spec: Spec): { [key: string]: Json } {
  const { requirements, settings } = spec;
  return defined({
    requirements: requirements.requirements.map(requirementText),
    constraints: optional(requirements.constraints.map(requirementText)),
    'index-url': requirements.indexUrl && withoutUserInfo(requirements.indexUrl.value),
    'extra-index-url': optional(requirements.extraIndexUrls.map((item) => withoutUserInfo(item.value))),
    'find-links': optional(requirements.findLinks.map((item) => withoutUserInfo(item.value))),
    indexes: settings.values.indexes?.map(({ url, ...rest }): Json => ({ ...rest, url: withoutUserInfo(url) })),
    pre: requirements.pre ? true : undefined,
    'no-binary': optional(requirements.noBinary),
    'only-binary': optional(requirements.onlyBinary),
    'no-deps': optional(requirements.requirements.filter(({ noDeps }) => noDeps === true).map(requirementText)),
  });
}

function requirementText(line: RequirementLine): string {
  const { source } = line;
  // The bytes of a file of the project are what is asked for, whatever its name.
  const own = source.kind === 'path' && source.form === 'wheel' ? [`sha256:${source.sha256}`] : [];
  const settings = [
    ...(line.configSettings ?? []).map((setting) => `--config-settings=${setting}`),
    ...(line.globalOptions ?? []).map((option) => `--global-option=${option}`),
  ];
  return [withoutUserInfo(line.text), ...own, ...line.hashes.map((hash) => `--hash=${hash}`), ...settings].join(' ');
}

function optional(items: readonly string[]): readonly string[] | undefined {
  return items.length === 0 ? undefined : items;
}

function defined(values: { readonly [key: string]: Json | undefined }): { [key: string]: Json } {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

import { posix } from 'node:path';
import { isMap, isSeq } from 'yaml';
import { CogplanError, type Where } from '../errors.ts';
import { hubCacheName, parseHubUri } from '../formats/weights/hub-uri.ts';
import { keyOf, type Reading, readMapping, readString, readStrings, wrongType } from './fields.ts';
import type { Settings } from './settings.ts';
import type { WeightSet, WeightSource } from './spec.ts';
import type { YamlField, YamlValue } from './yaml-source.ts';

const KEYS = { keys: new Set(['name', 'source', 'target']), elsewhere: {} };
const SOURCE_KEYS = {
  keys: new Set(['uri', 'include', 'exclude']),
  elsewhere: { url: 'Write it as "uri"', path: 'Write it as "uri"' },
};
/** https://github.com/replicate/cog, specs/draft-weights.md: the names that Cog takes. */
const NAME = /^[a-z0-9]+([._-][a-z0-9]+)*$/;

/**
 * `weights:` of cog.yaml in both of its forms (`source` a path or address, or a mapping with `uri`, or a list of those), and that of
 * cogplan.yaml after it.
 */
export function readWeights(reading: Reading, field: YamlField | undefined, settings: Settings): readonly WeightSet[] {
  const own = field === undefined ? [] : listed(reading, field).flatMap((item) => readSet(reading, item) ?? []);
  const sets = withSettings(reading, own, settings);
  checkTogether(reading, sets);
  return sets;
}

function listed(reading: Reading, field: YamlField): readonly YamlValue[] {
  const items = reading.source.items(field);
  if (items !== undefined) return items;
  reading.problems.add(wrongType(field, 'a list', 'Start each weight on a line of its own with "- ".'));
  return [];
}

function readSet(reading: Reading, item: YamlValue): WeightSet | undefined {
  if (!isMap(item.node)) {
    reading.problems.add(wrongType(item, 'a mapping', 'Write name, source and target of the weights.'));
    return undefined;
  }
  const fields = readMapping(reading, item, { ...KEYS, what: keyOf(item) });
  const name = readString(reading, fields.get('name'));
  const target = readString(reading, fields.get('target'));
  const source = fields.get('source');
  for (const [key, value] of [
    ['name', name],
    ['target', target],
    ['source', source],
  ] as const) {
    if (value === undefined && !fields.has(key)) required(reading, item, key);
  }
  const sources = source === undefined ? [] : readSources(reading, source);
  if (name === undefined || target === undefined || sources.length === 0) return undefined;
  if (!NAME.test(name.value)) {
    const hint = 'Use lower-case letters and digits, with single ".", "_" or "-" between them.';
    invalid(reading, name.where, `the name of weights "${name.value}" has other characters`, hint);
  }
  const path = readTarget(reading, target);
  return path === undefined
    ? undefined
    : { name: name.value, target: path, place: 'image', sources, where: item.where };
}

function readSources(reading: Reading, value: YamlValue): readonly WeightSource[] {
  if (isSeq(value.node)) {
    const items = reading.source.items(value) ?? [];
    if (items.length === 0) invalid(reading, value.where, `${keyOf(value)} is empty`, 'Name at least one source.');
    return items.flatMap((item) => readSources(reading, item));
  }
  if (!isMap(value.node)) {
    const uri = readString(reading, value);
    return uri === undefined ? [] : source(reading, { uri: uri.value, include: [], exclude: [], where: uri.where });
  }
  const fields = readMapping(reading, value, { ...SOURCE_KEYS, what: keyOf(value) });
  const uri = readString(reading, fields.get('uri'));
  if (uri === undefined) {
    if (!fields.has('uri')) required(reading, value, 'uri');
    return [];
  }
  const patterns = (key: 'include' | 'exclude') =>
    readStrings(reading, fields.get(key)).flatMap(({ value: pattern, where }) => {
      if (!pattern.startsWith('!') && !pattern.includes('\\')) return [pattern];
      invalid(
        reading,
        where,
        `the pattern "${pattern}" holds "!" or "\\"`,
        `Use ${key} patterns such as "*.bin" alone.`,
      );
      return [];
    });
  return source(reading, {
    uri: uri.value,
    include: patterns('include'),
    exclude: patterns('exclude'),
    where: uri.where,
  });
}

const SCHEMES = new Set(['hf', 'huggingface', 'http', 'https', 's3', 'gs', 'file']);

/** Errors of an address that no reader would take. */
function source(reading: Reading, item: WeightSource): readonly WeightSource[] {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(item.uri)?.[1]?.toLowerCase();
  const fail = (message: string, hint: string): readonly WeightSource[] => {
    invalid(reading, item.where, message, hint);
    return [];
  };
  if (scheme !== undefined && !SCHEMES.has(scheme)) {
    const hint = 'Write a path in the project, or an address that starts with hf://, https://, s3:// or gs://.';
    return fail(`weights cannot be read from ${scheme}://`, hint);
  }
  if (/^https?:\/\/[^/]*@/i.test(item.uri)) {
    return fail(
      'the address of weights holds credentials',
      'Put them into ~/.netrc, where no lock and no log sees them.',
    );
  }
  return [item];
}

function readTarget(
  reading: Reading,
  { value, where }: { readonly value: string; readonly where: Where },
): string | undefined {
  const path = posix.normalize(value).replace(/\/+$/, '');
  const problem = !value.startsWith('/')
    ? 'must be an absolute path'
    : path === ''
      ? 'must not be the root of the image'
      : /[\0\n]/.test(value)
        ? 'holds characters that no path has'
        : undefined;
  if (problem === undefined) return path;
  invalid(reading, where, `the target of weights "${value}" ${problem}`, 'Write for example /src/weights.');
  return undefined;
}

function withSettings(reading: Reading, own: readonly WeightSet[], settings: Settings): readonly WeightSet[] {
  const sets = [...own];
  for (const [index, rule] of (settings.values.weights ?? []).entries()) {
    const where = settings.where(['weights', index]);
    const named = sets.findIndex(({ name }) => name === rule.name);
    const place = rule.place ?? 'image';
    const known = sets[named];
    if (rule.source === undefined && rule.target === undefined && known !== undefined) {
      sets[named] = { ...known, place };
      continue;
    }
    if (rule.source === undefined || rule.target === undefined) {
      const name = rule.name === undefined ? 'it' : `"${rule.name}"`;
      invalid(
        reading,
        where,
        `these weights have no source or no target, and cog.yaml has no set named ${name}`,
        'Write both.',
      );
      continue;
    }
    const target = readTarget(reading, { value: rule.target, where: settings.where(['weights', index, 'target']) });
    const uri = settings.where(['weights', index, 'source']);
    const sources = source(reading, {
      uri: rule.source.trim(),
      include: rule.include ?? [],
      exclude: rule.exclude ?? [],
      where: uri,
    });
    if (target === undefined || sources.length === 0) continue;
    const layout = rule.layout;
    const set: WeightSet = { name: rule.name ?? nameOf(target), target, place, sources, where };
    if (layout !== undefined) checkLayout(reading, set);
    sets.push(layout === undefined ? set : { ...set, layout });
  }
  return sets;
}

/** The Hugging Face libraries look for a repository below a directory of its name, and a start-up fetch cannot write what else they want to find. */
function checkLayout(reading: Reading, { target, place, sources, where }: WeightSet): void {
  const repository = parseHubUri(sources[0]?.uri ?? '')?.repository;
  const directory = repository === undefined ? undefined : hubCacheName(repository);
  const message = 'weights with layout hub-cache';
  if (directory === undefined) {
    invalid(reading, where, `${message} come from another place than the hub`, 'Write the source as hf://owner/model.');
  } else if (!target.endsWith(`/${directory}`)) {
    invalid(
      reading,
      where,
      `${message} go to ${target}`,
      `Let the target end in /${directory}, or in /hub/${directory} below HF_HOME.`,
    );
  }
  if (place === 'startup') {
    invalid(reading, where, `${message} cannot be fetched at start-up`, 'Leave them in the image (place: image).');
  }
}

/** `weights` for /src/weights: what a set is called that nobody named. */
function nameOf(target: string): string {
  const name = posix
    .basename(target)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return name === '' ? 'weights' : name;
}

function checkTogether(reading: Reading, sets: readonly WeightSet[]): void {
  for (const [index, set] of sets.entries()) {
    for (const other of sets.slice(0, index)) {
      if (other.name === set.name) {
        invalid(reading, set.where, `two weights are named "${set.name}"`, 'Give each a name of its own.');
      }
      const [outer, inner] = set.target.length < other.target.length ? [set, other] : [other, set];
      if (outer.target === inner.target || inner.target.startsWith(`${outer.target}/`)) {
        const hint = 'Give each a directory of its own, or one set both sources.';
        invalid(reading, set.where, `the targets ${outer.target} and ${inner.target} of weights overlap`, hint);
      }
    }
  }
}

function required(reading: Reading, value: YamlValue, key: string): void {
  const hint = key === 'uri' ? 'Write a path or an address.' : 'Write name, source and target of the weights.';
  const message = `${keyOf(value)}.${key} is required`;
  reading.problems.add(new CogplanError('COGPLAN_SPEC_REQUIRED', message, { where: value.where, hint }));
}

function invalid(reading: Reading, where: Where, message: string, hint: string): void {
  reading.problems.add(new CogplanError('COGPLAN_SPEC_VALUE', message, { where, hint }));
}

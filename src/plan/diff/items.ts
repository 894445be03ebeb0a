import { compareBytes, type Json } from '../../canonical.ts';
import type { Archive, Lock, Target } from '../../lock/schema.generated.ts';
import type { Family } from './schema.generated.ts';

/** One thing of a lock that can change by itself: a package, a key, a layer's seal. */
export interface Item {
  /** Unique in its group. */
  readonly subject: string;
  readonly value: Json;
}

/** Things of one family and target, in the lock's order. Every byte of a lock belongs to exactly one item, or to the order of a group. */
export interface Group {
  /** Null: not of one target. */
  readonly platform: string | null;
  readonly family: Family;
  /** What the list is called when its order alone changed. */
  readonly name: string;
  readonly items: readonly Item[];
}

/** A lock taken apart into groups, the families in the order in which an image is made of them. */
export function groupsOf(lock: Lock): readonly Group[] {
  const { asked, holds, tools, targets, ...rest } = lock;
  return [
    group(null, 'asked', 'what is asked', askedItems(asked)),
    ...sortedEntries(targets).flatMap(([platform, target]) => targetGroups(platform, target)),
    group(
      null,
      'tools',
      'tools',
      items(tools, (tool) => `${tool.name} (${tool.host})`),
    ),
    group(
      null,
      'holds',
      'holds',
      items(holds, (hold) => hold.subject),
    ),
    group(null, 'lock', 'lock', members(rest)),
  ];
}

function targetGroups(platform: string, target: Target): readonly Group[] {
  const { base, interpreter, accelerator, system, python, files, weights, steps, runtime, image, seals, ...rest } =
    target;
  const { env, labels, ...imageRest } = image;
  const of = (family: Family, name: string, list: readonly Item[]): Group => group(platform, family, name, list);
  return [
    of('base', 'base', [item('base', base)]),
    of('interpreter', 'interpreter', [item('python', interpreter)]),
    of('accelerator', 'accelerator', accelerator === null ? [] : [item('cuda', accelerator)]),
    of('system', 'archives', items(system.archives, archiveSubject)),
    of(
      'system',
      'packages',
      items(system.packages, ({ name }) => name),
    ),
    of('python', 'indexes', [item('package indexes', python.indexes)]),
    of(
      'python',
      'packages',
      items(python.packages, ({ name }) => name),
    ),
    of('files', 'files', items(files, generalSubject)),
    of('weights', 'weights', weightItems(weights)),
    of('steps', 'steps', items(steps, generalSubject)),
    of(
      'runtime',
      'packages',
      items([runtime.sdk, ...runtime.server], ({ name }) => name),
    ),
    of('image', 'keys', members(imageRest)),
    of(
      'image',
      'environment',
      items(env, (entry) => `env ${entry.slice(0, Math.max(entry.indexOf('='), 0)) || entry}`),
    ),
    of(
      'image',
      'labels',
      sortedEntries(labels).map(([name, value]) => item(`label ${name}`, value)),
    ),
    of(
      'seals',
      'seals',
      items(seals, ({ layer }) => layer),
    ),
    of('lock', 'target', members(rest)),
  ];
}

function askedItems(asked: Lock['asked']): readonly Item[] {
  return sortedEntries(asked).flatMap(([family, keys]) => {
    const listed = sortedEntries(keys).map(([key, value]) => item(`${family} ${key}`, value));
    return listed.length > 0 ? listed : [item(family, {})];
  });
}

/** The newest state of an archive comes first in a lock; older ones, kept as evidence, are told apart by their dates. */
function archiveSubject({ suite, component, date }: Archive, taken: ReadonlySet<string>): string {
  const subject = `archive ${suite}/${component}`;
  return taken.has(subject) ? `${subject} of ${date}` : subject;
}

/** A set and its files are decided on one by one: of a hundred files one may have moved. */
function weightItems(sets: Target['weights']): readonly Item[] {
  return sets.flatMap(({ files, ...set }) => [
    item(set.name, set),
    ...files.map((entry) => item(`${set.name}/${entry.path}`, entry)),
  ]);
}

function generalSubject(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    for (const key of ['path', 'name', 'command', 'url']) {
      const found = (value as Record<string, unknown>)[key];
      if (typeof found === 'string') return found;
    }
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function group(platform: string | null, family: Family, name: string, list: readonly Item[]): Group {
  return { platform, family, name, items: list };
}

function item(subject: string, value: unknown): Item {
  return { subject, value: value as Json };
}

function members(record: object): readonly Item[] {
  return sortedEntries(record).map(([key, value]) => item(key, value));
}

/** The order of a record's keys is no byte of the lock. */
function sortedEntries<T>(record: { readonly [key: string]: T } | object): readonly (readonly [string, T])[] {
  return Object.entries(record as { readonly [key: string]: T })
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => compareBytes(a, b));
}

/** A list's entries by name; entries of one name are numbered. */
function items<T>(list: readonly T[], subjectOf: (entry: T, taken: ReadonlySet<string>) => string): readonly Item[] {
  const taken = new Set<string>();
  return list.map((entry) => {
    const wanted = subjectOf(entry, taken);
    let subject = wanted;
    for (let count = 2; taken.has(subject); count++) subject = `${wanted} #${count}`;
    taken.add(subject);
    return item(subject, entry);
  });
}

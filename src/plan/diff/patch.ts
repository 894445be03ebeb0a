import jsonPatch from 'fast-json-patch';
import { compareBytes, isSameJson, type Json } from '../../canonical.ts';
import type { Lock } from '../../lock/schema.generated.ts';

export interface PatchOperation {
  readonly op: 'add' | 'remove' | 'replace';
  /** RFC 6901 pointer. */
  readonly path: string;
  readonly value?: Json;
}

type Entry = { readonly [key: string]: Json };

/**
 * The RFC 6902 patch that makes `after` of `before` (of null, when there was no lock). Lists of named things are compared by
 * name, so that one more package is one operation and not a shift of everything behind it.
 */
export function patchOf(before: Lock | undefined, after: Lock): readonly PatchOperation[] {
  const now = after as unknown as Json;
  if (before === undefined) return [{ op: 'replace', path: '', value: now }];
  return patchValue(before as unknown as Json, now, '');
}

/** The document that a patch makes of another; neither is changed. Throws what fast-json-patch throws when it does not fit. */
export function applyPatch(document: Json, patch: readonly PatchOperation[]): Json {
  const copied = structuredClone(patch) as jsonPatch.Operation[];
  return jsonPatch.applyPatch(structuredClone(document), copied, true).newDocument;
}

function patchValue(before: Json | undefined, after: Json | undefined, path: string): readonly PatchOperation[] {
  if (isSameJson(before, after)) return [];
  if (before === undefined) return [{ op: 'add', path, value: after ?? null }];
  if (after === undefined) return [{ op: 'remove', path }];
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(compareBytes);
    return keys.flatMap((key) => patchValue(before[key], after[key], `${path}/${pointerToken(key)}`));
  }
  const [names, newNames] = [namesOf(before), namesOf(after)];
  if (names !== undefined && newNames !== undefined) {
    const aligned = patchNamed(before as readonly Entry[], after as readonly Entry[], { names, newNames, path });
    if (aligned !== undefined) return aligned;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    return jsonPatch
      .compare(before, after)
      .map((operation) => ({ ...operation, path: `${path}${operation.path}` }) as PatchOperation);
  }
  return [{ op: 'replace', path, value: after }];
}

interface Names {
  readonly names: readonly string[];
  readonly newNames: readonly string[];
  readonly path: string;
}

/** Undefined when what stayed also changed places. */
function patchNamed(
  before: readonly Entry[],
  after: readonly Entry[],
  { names, newNames, path }: Names,
): readonly PatchOperation[] | undefined {
  const [old, now] = [new Set(names), new Set(newNames)];
  const stayed = names.filter((name) => now.has(name));
  const stayedNow = newNames.filter((name) => old.has(name));
  if (stayed.some((name, index) => name !== stayedNow[index])) return undefined;
  const operations: PatchOperation[] = [];
  for (let index = names.length - 1; index >= 0; index--) {
    if (!now.has(names[index] ?? '')) operations.push({ op: 'remove', path: `${path}/${index}` });
  }
  const byName = new Map(before.map((entry, index) => [names[index], entry]));
  for (const [index, name] of newNames.entries()) {
    const entry = after[index] ?? null;
    if (!old.has(name)) operations.push({ op: 'add', path: `${path}/${index}`, value: entry });
    else operations.push(...patchValue(byName.get(name), entry, `${path}/${index}`));
  }
  return operations;
}

/** What tells the entries of a list apart; undefined when nothing does. */
function namesOf(value: Json): readonly string[] | undefined {
  if (!Array.isArray(value) || !value.every((entry: Json) => isRecord(entry))) return undefined;
  for (const keys of [['name', 'host'], ['layer'], ['url', 'suite', 'component', 'date'], ['subject'], ['path']]) {
    const names = value.map((entry: Entry) => keys.map((key) => entry[key] ?? '').join('\0'));
    if (value.every((entry: Entry) => entry[keys[0] ?? ''] !== undefined) && new Set(names).size === names.length) {
      return names;
    }
  }
  return undefined;
}

function isRecord(value: Json | undefined): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pointerToken(key: string): string {
  return key.replace(/~/g, '~0').replace(/\//g, '~1');
}

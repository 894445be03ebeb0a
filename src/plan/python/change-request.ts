import type { Where } from '../../errors.ts';
import { parseRequirement } from '../../formats/python/requirement.ts';
import type { Fix, SpecEdit } from '../../spec/edit-spec.ts';
import { exactVersion } from '../accelerator/choose-build.ts';
import type { SolveRequest } from './compile-for.ts';
import type { Root } from './roots.ts';
import type { Trial } from './trials.ts';

/** A change of the project's files, and what would be asked after it. */
export interface Candidate extends Trial {
  readonly fix: Fix;
}

export interface Pinned {
  readonly root: Root;
  readonly version: string;
}

/** Other versions for exact pins; nothing when one of them has no exact version, or no line. */
export function* pinned(request: SolveRequest, pins: readonly Pinned[]): Generator<Candidate> {
  const edits: SpecEdit[] = [];
  for (const { root, version } of pins) {
    const before = exactVersion(root);
    if (before === undefined || root.where?.line === undefined) return;
    edits.push(editAt(root.where, before, version));
  }
  const text = pins.map(({ root, version }) => `${root.requirement.name}==${version}`).join(' and ');
  const changed = pins.map(({ root, version }) => ({
    root,
    text: root.text.replace(exactVersion(root) ?? '', version),
  }));
  yield { fix: { text: `ask for ${text}`, edits }, request: replaced(request, changed) };
}

/** Requirements without their versions, beside others that get a version. */
export function* loosened(
  request: SolveRequest,
  { moved, loose }: { readonly moved: readonly Pinned[]; readonly loose: readonly Root[] },
): Generator<Candidate> {
  const [first] = moved.length === 0 ? [] : [...pinned(request, moved)];
  const edits = loose.map((root) => editAt(root.where ?? { file: '' }, wantedText(root), nameText(root)));
  const names = [...new Set(loose.map((root) => root.requirement.name))].join(' and ');
  const text =
    first === undefined
      ? `ask for ${names} without a version`
      : `${first.fix.text}, and for ${names} without a version`;
  const bare = loose.map((root) => ({ root, text: root.text.replace(wantedText(root), nameText(root)) }));
  yield {
    fix: { text, edits: [...(first?.fix.edits ?? []), ...edits] },
    request: replaced(first?.request ?? request, bare),
  };
}

/** `name[extra]==1.0` of a line, without its marker. */
export function wantedText(root: Root): string {
  return root.text.split(';')[0]?.trim() ?? '';
}

/** `name[extra]` of a line. */
export function nameText(root: Root): string {
  return /^[^<>=!~\s]+/.exec(wantedText(root))?.[0] ?? '';
}

/** The request with other texts for some of its requirements and constraints. */
export function replaced(
  request: SolveRequest,
  changed: readonly { readonly root: Root; readonly text: string }[],
): SolveRequest {
  const replace = (root: Root): Root => {
    const change = changed.find((item) => isSame(item.root, root));
    if (change === undefined) return root;
    return { ...root, text: change.text, requirement: parseRequirement(change.text), name: root.name };
  };
  return { ...request, roots: request.roots.map(replace), constraints: request.constraints.map(replace) };
}

/** The request without some of its requirements and constraints. */
export function without(request: SolveRequest, gone: readonly Root[]): SolveRequest {
  const stays = (root: Root): boolean => !gone.some((item) => isSame(item, root));
  return { ...request, roots: request.roots.filter(stays), constraints: request.constraints.filter(stays) };
}

export function editAt(where: Where, from: string, to: string): SpecEdit {
  return { file: where.file, line: where.line ?? 0, from, to };
}

function isSame(a: Root, b: Root): boolean {
  return a.text === b.text && a.where === b.where;
}

import { satisfies } from '../../formats/python/specifier.ts';
import { parseVersion, type Version } from '../../formats/python/version.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import type { OfferedFile } from '../../sources/pypi/index-desk.ts';
import type { SpecEdit } from '../../spec/edit-spec.ts';
import { isStandard, likeNames } from '../tables/python-names.ts';
import { renamedPackage } from '../tables/python-renames.ts';
import { type Candidate, editAt, nameText, replaced, wantedText, without } from './change-request.ts';
import type { SolveRequest } from './compile-for.ts';
import type { Root } from './roots.ts';

/** The files of a project on the indexes that are asked; none for a name that they do not know, undefined where they cannot be asked. */
export type FilesOf = (name: string) => Promise<readonly OfferedFile[] | undefined>;

/**
 * Names that no index has, all of them at once, for a resolver tells of one only: what each most likely means, and last of all the project without those that mean
 * nothing known.
 */
export async function* otherNames(
  request: SolveRequest,
  unknown: readonly string[],
  filesOf: FilesOf,
): AsyncGenerator<Candidate> {
  if (unknown.length === 0) return;
  const asked = request.roots.filter(
    (root) => root.name !== '' && root.source === undefined && root.wheel === undefined,
  );
  const lost: Root[] = [];
  for (const root of asked) {
    const isLost = (await filesOf(root.name))?.length === 0;
    if (isLost && root.where?.line !== undefined) lost.push(root);
  }
  const meant = await Promise.all(lost.map((root) => meantBy(root, filesOf)));
  const ways = Math.max(1, ...meant.map((texts) => texts.length));
  for (let way = 0; way < ways; way++) {
    const changes = lost.map((root, at) => ({ root, text: meant[at]?.[way] ?? meant[at]?.[0] }));
    const renamed = changes.filter((change): change is Renaming => change.text !== undefined);
    const gone = changes.filter(({ text }) => text === undefined).map(({ root }) => root);
    yield* changedNames(request, renamed, gone);
  }
}

interface Renaming {
  readonly root: Root;
  readonly text: string;
}

function* changedNames(
  request: SolveRequest,
  renamed: readonly Renaming[],
  gone: readonly Root[],
): Generator<Candidate> {
  const edits: readonly SpecEdit[] = [
    ...renamed.map(({ root, text }) => editAt(root.where ?? { file: '' }, wantedText(root), text)),
    ...gone.map((root) => editAt(root.where ?? { file: '' }, wantedText(root), '')),
  ];
  if (edits.length === 0) return;
  const parts = [
    ...(renamed.length === 0
      ? []
      : [
          `ask for ${list(renamed.map(({ text }) => text))}: no index has ${list(renamed.map(({ root }) => root.requirement.name))}`,
        ]),
    ...leftOut(gone),
  ];
  const marked = renamed.map(({ root, text }) => ({ root, text: root.text.replace(wantedText(root), text) }));
  yield { fix: { text: parts.join('; '), edits }, request: without(replaced(request, marked), gone) };
}

function leftOut(gone: readonly Root[]): readonly string[] {
  const standard = gone.filter(({ name }) => isStandard(name)).map(({ requirement }) => requirement.name);
  const others = gone.filter(({ name }) => !isStandard(name)).map(({ requirement }) => requirement.name);
  return [
    ...(standard.length === 0
      ? []
      : [`leave out ${list(standard)}: Python brings ${standard.length === 1 ? 'it' : 'them'}`]),
    ...(others.length === 0 ? [] : [`leave out ${list(others)}, which no index has`]),
  ];
}

/** What may stand in place of a requirement, likeliest first. */
async function meantBy(root: Root, filesOf: FilesOf): Promise<readonly string[]> {
  const glued = /^(.+?)-v?(\d+(?:\.\d+)+)$/.exec(root.requirement.name);
  if (glued !== null && hasAny(await filesOf(glued[1] ?? ''))) return [`${glued[1]}==${glued[2]}`];
  if (isStandard(root.name)) return [];
  const renamed = renamedPackage(root.name);
  const names = renamed === undefined ? likeNames(root.name) : [renamed];
  const texts = await Promise.all(
    names.map(async (name) => {
      const files = await filesOf(name);
      if (!hasAny(files)) return [];
      const text = wantedText(root).replace(root.requirement.name, name);
      const bare = nameText(root).replace(root.requirement.name, name);
      return [isOffered(files, root) ? text : bare];
    }),
  );
  return texts.flat();
}

function hasAny(files: readonly OfferedFile[] | undefined): files is readonly OfferedFile[] {
  return files !== undefined && files.length > 0;
}

function isOffered(files: readonly OfferedFile[], { requirement }: Root): boolean {
  return files.some(({ filename }) => {
    const version = versionOf(filename);
    return version !== undefined && satisfies(version, requirement.specifiers, true);
  });
}

/** A module of Python itself that is asked for as a package: what has its name on an index is for Pythons of old, and may not even be for this one. */
export function* standardModules(request: SolveRequest, named: readonly Root[]): Generator<Candidate> {
  if (!named.some(({ name }) => isStandard(name))) return;
  // Others like it may be found and do harm: an `enum` of 2013 hides that of Python.
  const all = request.roots.filter(({ name, where }) => isStandard(name) && where?.line !== undefined);
  yield* changedNames(request, [], all);
}

/** Wheels for Windows and macOS alone: a marker keeps the requirement for those who work there. */
export async function* otherPlatforms(
  request: SolveRequest,
  named: readonly Root[],
  filesOf: FilesOf,
): AsyncGenerator<Candidate> {
  const firsts = await foreign(named, filesOf);
  if (firsts.length === 0) return;
  const all = await foreign(request.roots, filesOf);
  const renamed = await Promise.all(
    all.map(async ({ root }): Promise<readonly Renaming[]> => {
      const to = renamedPackage(root.name);
      const files = to === undefined ? [] : ((await filesOf(to)) ?? []);
      if (to === undefined || !isOffered(files, root)) return [];
      return [{ root, text: wantedText(root).replace(root.requirement.name, to) }];
    }),
  );
  const other = renamed.flat();
  const marked = all.filter(({ root }) => !other.some((item) => item.root === root));
  const withMarkers = (quote: string): Candidate => {
    const edits = [
      ...other.map(({ root, text }) => editAt(root.where ?? { file: '' }, wantedText(root), text)),
      ...marked.map(({ root, platform }) => {
        const marker = `sys_platform == ${quote}${platform}${quote}`;
        return editAt(root.where ?? { file: '' }, wantedText(root), `${wantedText(root)} ; ${marker}`);
      }),
    ];
    const asked = replaced(
      request,
      other.map(({ root, text }) => ({ root, text: root.text.replace(wantedText(root), text) })),
    );
    const gone = marked.map(({ root }) => root);
    return { fix: { text: foreignText(other, marked), edits }, request: without(asked, gone) };
  };
  // Within double quotes of YAML only the other ones are free.
  for (const quote of marked.length === 0 ? ['"'] : ['"', "'"]) yield withMarkers(quote);
}

function foreignText(other: readonly Renaming[], marked: readonly Foreign[]): string {
  const systems = [...new Set(marked.map(({ platform }) => (platform === 'win32' ? 'Windows' : 'macOS')))];
  const parts = [
    ...(other.length === 0
      ? []
      : [
          `ask for ${list(other.map(({ text }) => text))}: so ${list(other.map(({ root }) => root.requirement.name))} is called for Linux`,
        ]),
    ...(marked.length === 0
      ? []
      : [
          `ask for ${list(marked.map(({ root }) => root.requirement.name))} on ${list(systems)} only, by a marker: there ${marked.length === 1 ? 'is none' : 'are none'} for Linux`,
        ]),
  ];
  return parts.join('; ');
}

interface Foreign {
  readonly root: Root;
  readonly platform: 'win32' | 'darwin';
}

async function foreign(roots: readonly Root[], filesOf: FilesOf): Promise<readonly Foreign[]> {
  const found = await Promise.all(
    roots.map(async (root): Promise<readonly Foreign[]> => {
      if (root.name === '' || root.where?.line === undefined || root.text.includes(';') || root.source !== undefined)
        return [];
      const files = ((await filesOf(root.name)) ?? []).filter(({ filename }) => {
        const version = versionOf(filename);
        return version !== undefined && satisfies(version, root.requirement.specifiers, true);
      });
      const tags = files.flatMap(({ filename }) => parseWheelFilename(filename)?.platformTags ?? ['any']);
      if (tags.length === 0) return [];
      if (tags.every((tag) => /^win/.test(tag))) return [{ root, platform: 'win32' }];
      return tags.every((tag) => /^macosx/.test(tag)) ? [{ root, platform: 'darwin' }] : [];
    }),
  );
  return found.flat();
}

/** Two versions of one name: the first line, or the second, goes. */
export function* duplicates(request: SolveRequest, named: readonly Root[]): Generator<Candidate> {
  for (const [at, root] of named.entries()) {
    const other = named
      .slice(at + 1)
      .find(({ name, requirement }) => name === root.name && requirement.specifiers.length > 0);
    if (other === undefined || root.requirement.specifiers.length === 0) continue;
    for (const [kept, gone] of [
      [root, other],
      [other, root],
    ] as const) {
      if (gone.where?.line === undefined) continue;
      const edits = [editAt(gone.where, wantedText(gone), '')];
      const text = `keep ${kept.asked}, and remove ${gone.asked}`;
      yield { fix: { text, edits }, request: without(request, [gone]) };
    }
  }
}

/** Constraints that stand in the way go, one by one, then all of them. */
export function* droppedConstraints(request: SolveRequest, isNamed: (name: string) => boolean): Generator<Candidate> {
  const limits = request.constraints.filter(({ name, where }) => isNamed(name) && where?.line !== undefined);
  const ways = limits.length > 1 ? [...limits.map((root) => [root]), limits] : [limits];
  for (const gone of ways) {
    if (gone.length === 0) continue;
    const edits = gone.map((root) => editAt(root.where ?? { file: '' }, wantedText(root), ''));
    const text = `drop the constraint${gone.length === 1 ? '' : 's'} ${list(gone.map(({ asked }) => asked))}`;
    yield { fix: { text, edits }, request: without(request, gone) };
  }
}

function versionOf(filename: string): Version | undefined {
  const wheel = parseWheelFilename(filename);
  if (wheel !== undefined) return wheel.version;
  return parseVersion(/-(\d[^-]*)\.(?:tar\.gz|zip|tgz|tar\.bz2)$/.exec(filename)?.[1] ?? '');
}

function list(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

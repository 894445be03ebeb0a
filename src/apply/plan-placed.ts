import type { Sha256 } from '../digest.ts';
import type { PlacedFile, Step, Target } from '../lock/schema.generated.ts';
import { mergeUsrPath } from './layers/debian/merged-usr.ts';
import type { PlannedLayer } from './plan-layers.ts';
import { type FileInput, type Recipe, recipeKey, type StepRecipe } from './recipe.ts';

/** What one layer above the packages is made of. */
export type PlacedGroup =
  | { readonly kind: 'files'; readonly files: readonly PlacedFile[] }
  | { readonly kind: 'step'; readonly step: Step };

/** A file or archive of this size has a layer of its own, as weights have, unless there are too many. */
const LARGE = 64 * 1024 * 1024;
const MOST_ALONE = 16;

/** Files and steps in their common order; files with no step between them belong together, but for large ones. */
export function groupPlaced(target: Pick<Target, 'files' | 'steps'>): readonly PlacedGroup[] {
  let large = LARGE;
  while (target.files.filter(({ file }) => (file?.size ?? 0) >= large).length > MOST_ALONE) large *= 2;
  return grouped(target).flatMap((group) => (group.kind === 'step' ? [group] : withLargeApart(group.files, large)));
}

/** The order stays: what comes before a large file lies below it. Folders above it keep the modes that they were given. */
function withLargeApart(files: readonly PlacedFile[], large: number): readonly PlacedGroup[] {
  const groups: PlacedFile[][] = [];
  let open: PlacedFile[] | undefined;
  for (const item of files) {
    const isLarge = (item.file?.size ?? 0) >= large;
    if (open === undefined || isLarge) {
      const group = [item];
      groups.push(group);
      open = isLarge ? undefined : group;
    } else open.push(item);
  }
  const folders = files.filter(({ kind, file }) => kind === 'directory' && file === undefined);
  return groups.map((group) => {
    const [first] = group;
    const before = new Set(first === undefined ? [] : files.slice(0, files.indexOf(first)));
    const above = folders.filter(
      (folder) => before.has(folder) && group.some(({ path }) => path.startsWith(`${folder.path}/`)),
    );
    return { kind: 'files', files: [...above, ...group] };
  });
}

function grouped(target: Pick<Target, 'files' | 'steps'>): readonly PlacedGroup[] {
  const groups: PlacedGroup[] = [];
  let files: PlacedFile[] = [];
  const items = [
    ...target.files.map((file) => ({ order: file.order, file, step: undefined })),
    ...target.steps.map((step) => ({ order: step.order, file: undefined, step })),
  ].sort((a, b) => a.order - b.order);
  for (const { file, step } of items) {
    if (file !== undefined) {
      if (files.length === 0) groups.push({ kind: 'files', files });
      files.push(file);
    }
    if (step === undefined) continue;
    files = [];
    groups.push({ kind: 'step', step });
  }
  return groups;
}

export interface BelowPlaced {
  readonly architecture: string;
  /** Keys of the recipes of everything that steps run on. */
  readonly below: readonly Sha256[];
}

/** The layers of groups, bottom first. */
export function planPlaced(
  target: Target,
  groups: readonly PlacedGroup[],
  { architecture, below }: BelowPlaced,
): readonly PlannedLayer[] {
  const cacheTag = `cpython-${target.interpreter.version.split('.').slice(0, 2).join('')}`;
  const layers: PlannedLayer[] = [];
  const keys = [...below];
  const counts = { files: 0, step: 0 };
  for (const group of groups) {
    const count = ++counts[group.kind];
    const layer: PlannedLayer =
      group.kind === 'files'
        ? {
            layer: count === 1 ? 'files' : `files/${count}`,
            family: 'files',
            recipe: { kind: 'files', assembler: 1, files: group.files.map(fileInput), cacheTag },
          }
        : {
            layer: `step/${count}`,
            family: 'steps',
            recipe: stepRecipe(group.step, { architecture, below: [...keys], cacheTag, env: target.image.env }),
            step: { what: stepName(group.step), accepted: group.step.accepted === true },
          };
    layers.push(layer);
    keys.push(recipeKey(layer.recipe));
  }
  return layers;
}

/** Place and command of a step, as messages show it. */
export function stepName({ from, command }: Pick<Step, 'from' | 'command'>): string {
  return `${from}: ${command.length > 120 ? `${command.slice(0, 120)}…` : command}`;
}

function fileInput({ path, kind, mode, file, text, target, unpack }: PlacedFile): FileInput {
  return {
    path: mergeUsrPath(path.slice(1), kind === 'symlink' ? 'link' : 'other'),
    kind,
    mode: Number.parseInt(mode ?? (kind === 'directory' ? '755' : '644'), 8),
    ...(file === undefined ? {} : { sha256: file.sha256 }),
    ...(text === undefined ? {} : { text }),
    ...(target === undefined ? {} : { target }),
    ...(unpack === undefined ? {} : { unpack: { format: unpack.format, strip: unpack.strip ?? 0 } }),
  };
}

interface StepPlace {
  readonly architecture: string;
  readonly below: readonly Sha256[];
  readonly cacheTag: string;
  readonly env: readonly string[];
}

function stepRecipe(step: Step, { architecture, below, cacheTag, env }: StepPlace): Recipe & StepRecipe {
  const inherited = env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]);
  return {
    kind: 'step',
    assembler: 1,
    architecture,
    below,
    command: step.command,
    cwd: step.cwd,
    env: { ...Object.fromEntries(inherited), ...step.env },
    network: step.network,
    secrets: step.secrets ?? [],
    fetched: (step.fetched ?? []).map(({ url, status, headers, file }) => ({
      url,
      status,
      headers,
      sha256: file.sha256,
    })),
    cacheTag,
  };
}

import type { Context } from '../context.ts';
import { warn } from '../events.ts';
import type { FileEntry } from './layers/entry.ts';
import { conflict, haveSameContent } from './layers/wheels.ts';
import { unpackWheel } from './layers/wheels-unpack.ts';
import type { PlannedLayer } from './plan-layers.ts';
import type { WheelsRecipe } from './recipe.ts';

interface Placed {
  readonly layer: string;
  readonly file: FileEntry;
}

/**
 * Looks at wheels of different layers that bring one path, which the builder of a single layer cannot see. Different contents are a warning
 * COGPLAN_WHEEL_CLASH: the wheel of the upper layer is what the image shows. A file against a directory is COGPLAN_WHEEL_CONFLICT.
 */
export async function checkClashes(context: Context, planned: readonly PlannedLayer[]): Promise<void> {
  const files = new Map<string, Placed>();
  const directories = new Map<string, FileEntry>();
  const clashes = new Map<string, { readonly winner: FileEntry; readonly loser: FileEntry; count: number }>();
  for (const { layer, recipe } of planned) {
    if (recipe.kind !== 'wheels') continue;
    for (const file of await filesOf(context, recipe)) {
      const earlier = files.get(file.path);
      if (earlier !== undefined && earlier.layer !== layer && !haveSameContent(earlier.file, file)) {
        const key = `${file.origin}\n${earlier.file.origin}`;
        const clash = clashes.get(key) ?? { winner: file, loser: earlier.file, count: 0 };
        clash.count++;
        clashes.set(key, clash);
      }
      files.set(file.path, { layer, file });
      noteDirectories(directories, file);
    }
  }
  for (const [path, below] of directories) {
    const blocking = files.get(path);
    if (blocking !== undefined) throw conflict(blocking.file, below);
  }
  for (const { winner, loser, count } of clashes.values()) {
    const others = count === 1 ? '' : ` and ${count - 1} more`;
    const text = `${winner.origin} and ${loser.origin} both bring ${winner.path}${others}; that of ${winner.origin} is kept`;
    warn(context.host, 'COGPLAN_WHEEL_CLASH', text);
  }
}

async function filesOf({ store }: Context, recipe: WheelsRecipe): Promise<readonly FileEntry[]> {
  const files: FileEntry[] = [];
  for (const wheel of recipe.wheels) {
    files.push(...unpackWheel(store.blobPath(wheel.sha256), wheel.filename, recipe.scheme));
    // Other work gets its turn between two wheels.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return files;
}

function noteDirectories(directories: Map<string, FileEntry>, file: FileEntry): void {
  for (let slash = file.path.lastIndexOf('/'); slash > 0; slash = file.path.lastIndexOf('/', slash - 1)) {
    const path = file.path.slice(0, slash);
    if (directories.has(path)) return;
    directories.set(path, file);
  }
}

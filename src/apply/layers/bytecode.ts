import { readFile, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import pLimit, { type LimitFunction } from 'p-limit';
import { canonicalJson, compareBytes, type Json } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { fromDigest, type Sha256, sha256 } from '../../digest.ts';
import type { BytecodeRecipe, DebInput, InstallScheme, WheelInput } from '../recipe.ts';
import { unpackDebs, unpackRoot } from '../sandbox/root.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { compileModules, type ModuleSource } from './bytecode-compiler.ts';
import { BYTECODE_PROTOCOL } from './bytecode-program.ts';
import { modulesOfDeb, modulesOfEntries, modulesOfWheel } from './bytecode-sources.ts';
import { type Derive, storeDerivations } from './derivations.ts';
import type { DirectoryEntry, FileEntry, LayerEntry } from './entry.ts';
import { standaloneTree } from './python/standalone-tree.ts';

export interface BytecodeInputs {
  readonly sandbox: Sandbox;
  /** Path of the uncompressed `data.tar` of a .deb. */
  debData(sha256: Sha256): Promise<string>;
  /** Where results are kept; default: the store. */
  readonly derive?: Derive | undefined;
  /** How many interpreters run at once; default: `context.concurrency`. To be shared by recipes that are derived at the same time. */
  readonly limit?: LimitFunction | undefined;
}

/** The modules that one wheel or one .deb installs. */
interface Unit {
  readonly what: string;
  /** Everything that decides the bytes besides the interpreter. */
  readonly key: Json;
  modules(): Promise<readonly ModuleSource[]>;
}

/** `index.json` of a unit's results; `pyc` holds the bytes. */
interface UnitIndex {
  /** Paths of the .pyc files without leading slash, with the place of their bytes. */
  readonly files: readonly { readonly path: string; readonly offset: number; readonly length: number }[];
  /** Modules that do not compile, such as templates. */
  readonly skipped: number;
}

/**
 * The .pyc files beside the modules that a recipe's wheels and .debs install, as entries that point into results which the store keeps by (package,
 * interpreter, scheme) and every project shares. Each package has an interpreter of its own.
 */
export async function deriveBytecode(
  context: Context,
  recipe: BytecodeRecipe,
  inputs: BytecodeInputs,
): Promise<readonly LayerEntry[]> {
  const limit = inputs.limit ?? pLimit(context.concurrency);
  const derived = await Promise.all(
    unitsOf(context, recipe, inputs).map((unit) => limit(() => deriveUnit(context, recipe, inputs, unit))),
  );
  const files = new Map<string, FileEntry>();
  for (const entry of derived.flat()) files.set(entry.path, entry);
  return withParents([...files.values()]);
}

/**
 * In the order in which later units win a path that two of them have: .debs, then wheels by file name, as in the layers that
 * hold the modules themselves.
 */
function unitsOf(context: Context, recipe: BytecodeRecipe, inputs: BytecodeInputs): readonly Unit[] {
  const version = posix.basename(recipe.interpreter);
  return [
    ...(recipe.archive === true && recipe.rootArchive !== undefined
      ? [archiveUnit(context, recipe.rootArchive, inputs)]
      : []),
    ...sortedBy(recipe.debs, (deb) => deb.name).map((deb) => debUnit(deb, version, inputs)),
    ...sortedBy(recipe.wheels, (wheel) => wheel.filename).map((wheel) => wheelUnit(context, wheel, recipe.scheme)),
    ...sortedBy(recipe.serverWheels, (wheel) => wheel.filename).map((wheel) =>
      wheelUnit(context, wheel, recipe.serverScheme),
    ),
  ];
}

function archiveUnit(
  context: Context,
  archive: NonNullable<BytecodeRecipe['rootArchive']>,
  { derive = storeDerivations(context.store) }: BytecodeInputs,
): Unit {
  return {
    what: `Python ${archive.version}`,
    key: { archive: archive.sha256 },
    modules: async () => modulesOfEntries(await standaloneTree(context, archive, derive)),
  };
}

function debUnit(deb: DebInput, version: string, inputs: BytecodeInputs): Unit {
  return {
    what: `${deb.name} ${deb.version}`,
    key: { deb: deb.sha256 },
    modules: async () => modulesOfDeb(await inputs.debData(deb.sha256), version, `${deb.name} ${deb.version}`),
  };
}

function wheelUnit(context: Context, wheel: WheelInput, scheme: InstallScheme): Unit {
  return {
    what: wheel.filename,
    key: { wheel: wheel.sha256, filename: wheel.filename, scheme: { ...scheme } },
    modules: async () => {
      const path = await context.store.verified(wheel.sha256, undefined, wheel.filename);
      return modulesOfWheel(path, wheel.filename, scheme);
    },
  };
}

async function deriveUnit(
  context: Context,
  recipe: BytecodeRecipe,
  { sandbox, debData, derive = storeDerivations(context.store) }: BytecodeInputs,
  unit: Unit,
): Promise<readonly FileEntry[]> {
  context.signal.throwIfAborted();
  const key = sha256(
    canonicalJson({
      protocol: BYTECODE_PROTOCOL,
      interpreter: recipe.interpreter,
      debs: recipe.rootDebs.map((deb) => deb.sha256),
      layers: recipe.rootLayers,
      archive: recipe.rootArchive?.sha256,
      unit: unit.key,
    }),
  );
  const directory = await derive('bytecode', key, async (building) => {
    const modules = await unit.modules();
    const target = join(building, 'pyc');
    const index =
      modules.length === 0
        ? await emptyIndex(target)
        : await compileUnit({
            modules,
            sandbox,
            root:
              recipe.rootLayers === undefined
                ? await unpackDebs({
                    debs: recipe.rootDebs,
                    archive:
                      recipe.rootArchive === undefined
                        ? undefined
                        : {
                            sha256: recipe.rootArchive.sha256,
                            entries: await standaloneTree(context, recipe.rootArchive, derive),
                          },
                    debData,
                    derive,
                    signal: context.signal,
                  })
                : await unpackRoot(
                    context,
                    recipe.rootLayers.map((diffId) => ({ diffId: fromDigest(diffId) })),
                    recipe.rootArchive === undefined
                      ? undefined
                      : {
                          sha256: recipe.rootArchive.sha256,
                          entries: await standaloneTree(context, recipe.rootArchive, derive),
                        },
                  ),
            interpreter: recipe.interpreter,
            what: unit.what,
            target,
            signal: context.signal,
          });
    await writeFile(join(building, 'index.json'), JSON.stringify(index));
    if (index.skipped > 0) {
      context.host.notify({
        kind: 'message',
        level: 'debug',
        code: 'apply.bytecode.skipped',
        text: `${unit.what}: ${index.skipped} of ${modules.length} modules do not compile and get no bytecode`,
        data: { unit: unit.what, skipped: index.skipped, modules: modules.length },
      });
    }
  });
  const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')) as UnitIndex;
  const file = join(directory, 'pyc');
  return index.files.map(({ path, offset, length }) => ({
    type: 'file',
    path,
    mode: 0o644,
    uid: 0,
    gid: 0,
    origin: `bytecode of ${unit.what}`,
    size: length,
    content: { kind: 'slice', file, offset, length },
  }));
}

async function emptyIndex(target: string): Promise<UnitIndex> {
  await writeFile(target, '', { flag: 'wx' });
  return { files: [], skipped: 0 };
}

interface CompileUnit {
  readonly modules: readonly ModuleSource[];
  readonly sandbox: Sandbox;
  readonly root: string;
  readonly interpreter: string;
  readonly what: string;
  readonly target: string;
  readonly signal: AbortSignal;
}

async function compileUnit({ modules, ...request }: CompileUnit): Promise<UnitIndex> {
  const sources = sortedBy(modules, (module) => module.path);
  const { tag, slices } = await compileModules({ ...request, sources });
  const files = sources.flatMap((source, index) => {
    const slice = slices[index];
    return slice === undefined ? [] : [{ path: bytecodePath(source.path, tag), ...slice }];
  });
  return { files, skipped: sources.length - files.length };
}

/** `/a/b.py` -> `a/__pycache__/b.cpython-311.pyc` (PEP 3147). */
function bytecodePath(source: string, tag: string): string {
  const { dir, name } = posix.parse(source);
  return posix.join(dir, '__pycache__', `${name}.${tag}.pyc`).slice(1);
}

function withParents(files: readonly FileEntry[]): readonly LayerEntry[] {
  const directories = new Map<string, DirectoryEntry>();
  for (const { path } of files) {
    for (let at = posix.dirname(path); at !== '.' && !directories.has(at); at = posix.dirname(at)) {
      directories.set(at, { type: 'directory', path: at, mode: 0o755, uid: 0, gid: 0, origin: 'bytecode' });
    }
  }
  return sortedBy([...directories.values(), ...files], (entry) => entry.path);
}

function sortedBy<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  return [...items].sort((a, b) => compareBytes(key(a), key(b)));
}

import type { Context } from '../../context.ts';
import type { Sha256 } from '../../digest.ts';
import type { Platform } from '../../lock/platform.ts';
import type { SystemPackage, Target } from '../../lock/schema.generated.ts';
import { bundledFile } from '../../sources/bundled-runtime.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import { buildLayers, type MadeLayer, storePlannedBase } from '../build-layers.ts';
import { type PlannedLayer, planLayers } from '../plan-layers.ts';
import { unpackRoot } from './root.ts';
import type { Sandbox } from './sandbox.ts';

export interface BuildRootRequest {
  /** A target, or what is known of one: its seals are not looked at. */
  readonly target: Target;
  readonly platform: Platform;
  /** Debian packages on top of the target's own, configured together with them: a toolchain. */
  readonly packages?: readonly SystemPackage[];
  /** Which layers of the image the root has; default: all below the source and without bytecode. */
  readonly include?: (layer: PlannedLayer) => boolean;
  readonly openSandbox: () => Promise<Sandbox>;
}

export interface BuildRoot {
  /** Bottom first; in the store. */
  readonly layers: readonly MadeLayer[];
  /** Directory with all of them, which the store keeps and shares: not to be written to. */
  readonly path: string;
}

/** The root file system of a target, made of locked artifacts as an image's is, for a command that has to run before there is an image. */
export async function composeBuildRoot(context: Context, request: BuildRootRequest): Promise<BuildRoot> {
  const layers = await composeLayers(context, request);
  await storePlannedBase(
    context,
    layers.flatMap(({ base }) => base ?? []),
  );
  const path = await unpackRoot(
    context,
    layers.map(({ built }) => ({ diffId: built.diffId })),
  );
  return { layers, path };
}

/** Like `composeBuildRoot`, and leaves the unpacking to the caller. */
export async function composeLayers(context: Context, request: BuildRootRequest): Promise<readonly MadeLayer[]> {
  const { platform, include = () => true } = request;
  const target = withPackages(request.target, request.packages ?? []);
  const planned = planLayers(target, platform, { bytecode: false }).filter(include);
  const wanted = new Set(planned.flatMap(inputsOf));
  const { sdk, server } = target.runtime;
  const { file: archive, version } = target.interpreter;
  const interpreter = archive === undefined ? [] : [{ name: 'Python', version, file: archive }];
  const items = [...interpreter, ...target.system.packages, ...target.python.packages, ...server, sdk];
  await fetchArtifacts(
    context,
    items
      .filter(({ file }) => wanted.has(file.sha256))
      .map(({ name, version, file }) => ({ file, what: `${name} ${version}` })),
    { bundled: bundledFile },
  );
  return buildLayers(context, planned, { cold: false, seals: new Map(), openSandbox: request.openSandbox });
}

function withPackages(target: Target, packages: readonly SystemPackage[]): Target {
  const known = new Set(target.system.packages.map(({ name }) => name));
  const added = packages.filter(({ name }) => !known.has(name)).map((item) => ({ ...item, group: 'system' as const }));
  return { ...target, system: { ...target.system, packages: [...target.system.packages, ...added] } };
}

function inputsOf({ recipe }: PlannedLayer): readonly Sha256[] {
  if (recipe.kind === 'wheels') return recipe.wheels.map(({ sha256 }) => sha256);
  if (recipe.kind === 'debs') return [...recipe.debs, ...recipe.below].map(({ sha256 }) => sha256);
  if (recipe.kind === 'standalone-python') return [recipe.sha256];
  if (recipe.kind === 'debian-configuration' || recipe.kind === 'debs-on-image')
    return recipe.debs.map(({ sha256 }) => sha256);
  return [];
}

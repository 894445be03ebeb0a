import { compareBytes } from '../../canonical.ts';
import { fromDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { readDpkgStatus } from '../../formats/debian/dpkg-status.ts';
import type { DebsOnImageRecipe } from '../recipe.ts';
import type { LayerBuilder } from './builder.ts';
import { Accounts } from './debian/accounts.ts';
import { Alternatives } from './debian/alternatives.ts';
import { applyEffects, applyOwners, type Configuration } from './debian/apply-effects.ts';
import { baseNodes } from './debian/base-nodes.ts';
import { BaseOwners } from './debian/base-owners.ts';
import { writeCaCertificates } from './debian/ca-certificates.ts';
import { type ComposedNode, composeTree } from './debian/compose.ts';
import { ConfiguredTree } from './debian/configured-tree.ts';
import { openDebPackage } from './debian/deb-package.ts';
import { extendDpkgDatabase, type InstalledPackage } from './debian/dpkg-database.ts';
import { writeGeneratedLists } from './debian/generated-lists.ts';
import { writeLoaderCache } from './debian/loader-libraries.ts';
import { writePamConfiguration } from './debian/pam.ts';
import { toEntries } from './debian/to-entries.ts';
import { effectsOf, inOrder } from './debian-configuration.ts';
import type { LayerEntry } from './entry.ts';
import { whiteout } from './stale-bytecode.ts';

/**
 * What `apt-get install` of .debs would change in an image: their files, and what installing them generates, as one layer on top of the image's own. A
 * package that the image has in another version is replaced, and files that only its old version had are taken away; configuration files that are
 * there stay. COGPLAN_DEB_CONFLICT when a package would overwrite another one's file.
 */
export const buildDebsOnImageLayer: LayerBuilder<DebsOnImageRecipe> = async (recipe, environment) => {
  const tars = await Promise.all(
    recipe.base.map(async (diffId, index) => ({
      file: await environment.blob(fromDigest(diffId)),
      what: `layer ${index + 1} of the base`,
    })),
  );
  const base = baseNodes(tars);
  const before = new ConfiguredTree(base);
  const packages = await Promise.all(
    [...recipe.debs]
      .sort((a, b) => compareBytes(a.name, b.name))
      .map(async (input): Promise<InstalledPackage> => {
        const deb = await openDebPackage(environment, input);
        return { deb, control: await deb.readControl() };
      }),
  );
  const { nodes, added, gone } = await layOver({ recipe, base, before, packages });
  const tree = new ConfiguredTree(nodes);
  configure(tree, recipe, packages);
  const entries = new Map<string, LayerEntry>();
  for (const entry of [...toEntries(nodes, added), ...gone, ...tree.changes()]) entries.set(entry.path, entry);
  for (const { path } of gone) addParents(entries, nodes, path);
  return [...entries.values()].sort((a, b) => compareBytes(a.path, b.path));
};

interface LayOver {
  readonly recipe: DebsOnImageRecipe;
  readonly base: ReadonlyMap<string, ComposedNode>;
  readonly before: ConfiguredTree;
  readonly packages: readonly InstalledPackage[];
}

interface LaidOver {
  /** The image with the packages' files. */
  readonly nodes: ReadonlyMap<string, ComposedNode>;
  readonly added: readonly ComposedNode[];
  /** Whiteouts of files that only replaced versions had. */
  readonly gone: readonly LayerEntry[];
}

async function layOver({ recipe, base, before, packages }: LayOver): Promise<LaidOver> {
  const owners = new BaseOwners(before);
  const composed = await composeTree({
    architecture: recipe.architecture,
    packages: packages.map(({ deb }) => deb),
  });
  const conffiles = new Set(packages.flatMap(conffilesOf));
  const replaced = new Set(packages.map(({ deb }) => deb.input.name));
  const nodes = new Map(base);
  const added: ComposedNode[] = [];
  for (const node of composed.nodes.values()) {
    const path = before.resolve(node.path, node.type === 'directory');
    const there = base.get(path);
    if (there !== undefined && (node.owner === undefined || (node.type === 'directory' && there.type === 'directory')))
      continue;
    if (there !== undefined && conffiles.has(path) && there.type === 'file') continue;
    if (there !== undefined) refuseClash(node, there, { owners, replaced, packages });
    const placed = { ...node, path };
    nodes.set(path, placed);
    added.push(placed);
  }
  const kept = new Set(added.map(({ path }) => path));
  const stale = owners
    .onlyOf(replaced)
    .map((path) => before.resolve(path, false))
    .filter((path) => !kept.has(path) && !conffiles.has(path) && (base.get(path)?.type ?? 'directory') !== 'directory');
  for (const path of stale) nodes.delete(path);
  return { nodes, added, gone: [...new Set(stale)].map((path) => whiteout(path, 'files of a replaced package')) };
}

function conffilesOf({ control }: InstalledPackage): readonly string[] {
  const text = control.scripts.get('conffiles')?.toString('utf8') ?? '';
  return text.split('\n').flatMap((line) => (line.startsWith('/') ? [line.trim().slice(1)] : []));
}

function refuseClash(
  node: ComposedNode,
  there: ComposedNode,
  facts: {
    readonly owners: BaseOwners;
    readonly replaced: ReadonlySet<string>;
    readonly packages: readonly InstalledPackage[];
  },
): void {
  const { owners, replaced, packages } = facts;
  const owner = owners.ownerOf(there.path);
  const own = packages.find(({ deb }) => deb === node.owner);
  const replaces = own?.control.paragraph.get('replaces') ?? '';
  const isKind = (there.type === 'directory') === (node.type === 'directory');
  const isFree = owner === undefined || replaced.has(owner) || namesPackage(replaces, owner);
  if (isKind && isFree) return;
  throw new CogplanError(
    'COGPLAN_DEB_CONFLICT',
    `${own?.deb.origin ?? 'a package'} ships /${there.path}, which the base has from ${owner ?? 'elsewhere'}`,
    { subject: `/${there.path}`, hint: 'Leave the package out, or take another base.' },
  );
}

function namesPackage(field: string, name: string): boolean {
  return field.split(',').some((item) => /^[a-z0-9][a-z0-9+.-]*/.exec(item.trim())?.[0] === name);
}

function configure(
  tree: ConfiguredTree,
  { architecture, suite, sealed = [] }: DebsOnImageRecipe,
  packages: readonly InstalledPackage[],
): void {
  const accounts = new Accounts(tree);
  const configuration: Configuration = {
    tree,
    accounts,
    alternatives: new Alternatives(tree),
    diversions: [],
    statOverrides: [],
    generators: new Map(),
  };
  const unpacked = new Set(sealed);
  for (const item of inOrder(packages)) {
    if (unpacked.has(item.deb.input.name)) continue;
    tree.origin = `configuration of ${item.deb.origin}`;
    applyEffects(effectsOf(item, suite), configuration);
  }
  tree.origin = 'configuration';
  const { alternatives, generators, diversions, statOverrides } = configuration;
  applyOwners(configuration);
  accounts.extendShadow();
  alternatives.write(tree);
  if (generators.has('pam')) writePamConfiguration(tree);
  if (generators.has('ca-certificates')) writeCaCertificates(tree);
  writeGeneratedLists(tree, generators);
  extendDpkgDatabase(tree, { architecture, packages, diversions, statOverrides, unpacked });
  const status = readDpkgStatus(tree.readText('/var/lib/dpkg/status') ?? '', architecture, 'the base');
  const glibc = status.find(({ name }) => name === 'libc-bin' || name === 'libc6')?.version;
  if (glibc !== undefined) writeLoaderCache(tree, architecture, glibc);
}

function addParents(entries: Map<string, LayerEntry>, nodes: ReadonlyMap<string, ComposedNode>, path: string): void {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const parent = path.slice(0, slash);
    if (entries.has(parent)) continue;
    const { mode, uid, gid } = nodes.get(parent) ?? { mode: 0o755, uid: 0, gid: 0 };
    entries.set(parent, { type: 'directory', path: parent, mode, uid, gid, origin: 'base' });
  }
}

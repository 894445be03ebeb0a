import { compareBytes } from '../../canonical.ts';
import { CogplanError } from '../../errors.ts';
import { analyseScripts } from '../../formats/debian/effects/analyse-scripts.ts';
import type { Effect } from '../../formats/debian/effects/effect.ts';
import type { DebianConfigurationRecipe } from '../recipe.ts';
import type { LayerBuilder } from './builder.ts';
import { Accounts } from './debian/accounts.ts';
import { Alternatives } from './debian/alternatives.ts';
import { applyEffects, applyOwners, type Configuration } from './debian/apply-effects.ts';
import { writeCaCertificates } from './debian/ca-certificates.ts';
import { composeTree } from './debian/compose.ts';
import { ConfiguredTree } from './debian/configured-tree.ts';
import { openDebPackage } from './debian/deb-package.ts';
import { type InstalledPackage, writeDpkgDatabase } from './debian/dpkg-database.ts';
import { writeFixedFiles } from './debian/fixed-files.ts';
import { writeGeneratedLists } from './debian/generated-lists.ts';
import { writeLoaderCache } from './debian/loader-libraries.ts';
import { writePamConfiguration } from './debian/pam.ts';
import { writeShells } from './debian/shells.ts';

/**
 * Everything that installing the .debs would have generated, as a layer on top of their files: the effects of maintainer
 * scripts, and what depends on all packages at once. Caches and service registrations are left out (see
 * `effects/commands/skipped.ts`). A script whose effects are not known is COGPLAN_SCRIPT_UNKNOWN, unless its package is
 * one of those that are sealed: dpkg then finds it unpacked.
 */
export const buildDebianConfigurationLayer: LayerBuilder<DebianConfigurationRecipe> = async (recipe, environment) => {
  const debs = [...recipe.debs].sort((a, b) => compareBytes(a.name, b.name));
  const packages = await Promise.all(
    debs.map(async (input): Promise<InstalledPackage> => {
      const deb = await openDebPackage(environment, input);
      return { deb, control: await deb.readControl() };
    }),
  );
  const { nodes } = await composeTree({
    architecture: recipe.architecture,
    packages: packages.map(({ deb }) => deb),
  });
  const tree = new ConfiguredTree(nodes);
  const configuration: Configuration = {
    tree,
    accounts: new Accounts(tree),
    alternatives: new Alternatives(),
    diversions: [],
    statOverrides: [],
    generators: new Map(),
  };
  const sealed = new Set(recipe.sealed);
  for (const item of inOrder(packages)) {
    if (sealed.has(item.deb.input.name)) continue;
    tree.origin = `configuration of ${item.deb.origin}`;
    applyEffects(effectsOf(item, recipe.suite), configuration);
  }
  tree.origin = 'configuration';
  generate(configuration, recipe, packages);
  return tree.changes();
};

/** Accounts and the file hierarchy come first, because other packages' effects use them; then by name. */
export function inOrder(packages: readonly InstalledPackage[]): readonly InstalledPackage[] {
  const first = ['base-passwd', 'base-files'];
  const rank = ({ deb }: InstalledPackage) => (first.indexOf(deb.input.name) + first.length + 1) % (first.length + 1);
  return [...packages].sort((a, b) => rank(a) - rank(b));
}

/** What the scripts of a package do. Fails with COGPLAN_SCRIPT_UNKNOWN. */
export function effectsOf({ deb, control }: InstalledPackage, suite: string): readonly Effect[] {
  const { name, version, architecture } = deb.input;
  const analysis = analyseScripts({ name, version, architecture, scripts: control.scripts, suite });
  if (analysis.recognised) return analysis.effects;
  const { script, line, text, reason } = analysis;
  throw new CogplanError('COGPLAN_SCRIPT_UNKNOWN', `${deb.origin}: ${script}, line ${line}: ${reason}: ${text}`, {
    subject: deb.origin,
    hint: 'Leave the package out, or let its scripts run once in the sandbox: configure: sealed in cogplan.yaml, then `cogplan lock`.',
  });
}

function generate(
  configuration: Configuration,
  { architecture, suite, interpreter, sealed = [] }: DebianConfigurationRecipe,
  packages: readonly InstalledPackage[],
): void {
  const { tree, accounts, alternatives, diversions, statOverrides, generators } = configuration;
  applyOwners(configuration);
  if (generators.has('shadow')) accounts.shadow();
  alternatives.write(tree);
  if (generators.has('pam')) writePamConfiguration(tree);
  const shells = generators.get('shells');
  if (shells !== undefined) writeShells(tree, shells);
  if (generators.has('ca-certificates')) writeCaCertificates(tree);
  writeGeneratedLists(tree, generators);
  writeFixedFiles(tree, { suite, interpreter });
  const glibc = packages.find(({ deb }) => deb.input.name === 'libc-bin')?.deb.input.version;
  if (glibc !== undefined) writeLoaderCache(tree, architecture, glibc);
  writeDpkgDatabase(tree, { architecture, packages, diversions, statOverrides, unpacked: new Set(sealed) });
}

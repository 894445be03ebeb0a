import { CogplanError } from '../../../errors.ts';
import { parseDependencies } from '../../../formats/debian/dependency.ts';
import { analyseScripts } from '../../../formats/debian/effects/analyse-scripts.ts';
import { satisfiesRelation } from '../../../formats/debian/version.ts';
import type { ComposedNode } from './compose.ts';
import type { DebPackage } from './deb-package.ts';
import { mergeUsrPath } from './merged-usr.ts';

/**
 * What is left of two packages' files with one path: that of the package which replaces the other (Debian Policy 7.6); where
 * one package diverts the path, its own file, and the other's under its new name. Otherwise COGPLAN_DEB_CONFLICT.
 */
export async function resolveClash(before: ComposedNode, node: ComposedNode): Promise<readonly ComposedNode[]> {
  const { owner: first } = before;
  const { owner: second } = node;
  if (first === undefined) return [node];
  if (second === undefined) return [before];
  if (before.type === 'symlink' && node.type === 'symlink' && before.target === node.target) return [before];
  if (await replaces(second, first)) return [node];
  if (await replaces(first, second)) return [before];
  const movesFirst = await diversion(second, node.path);
  if (movesFirst !== undefined) return [node, { ...before, path: movesFirst }];
  const movesSecond = await diversion(first, node.path);
  if (movesSecond !== undefined) return [before, { ...node, path: movesSecond }];
  throw new CogplanError('COGPLAN_DEB_CONFLICT', `${first.origin} and ${second.origin} both ship /${node.path}`, {
    subject: `/${node.path}`,
    hint: `Leave out one of ${first.input.name} and ${second.input.name}: neither replaces the other.`,
  });
}

async function replaces(winner: DebPackage, { input }: DebPackage): Promise<boolean> {
  const { paragraph } = await winner.readControl();
  const groups = parseDependencies(paragraph.get('replaces') ?? '', input.architecture, winner.origin);
  return groups.flat().some(({ name, relation, version }) => {
    if (name !== input.name) return false;
    return relation === undefined || version === undefined || satisfiesRelation(input.version, relation, version);
  });
}

/** The new name that the package gives to everybody else's file at `path`, if it diverts it. */
async function diversion({ input, readControl }: DebPackage, path: string): Promise<string | undefined> {
  const { scripts } = await readControl();
  const { name, version, architecture } = input;
  const analysis = analyseScripts({ name, version, architecture, scripts, suite: '' });
  if (!analysis.recognised) return undefined;
  for (const effect of analysis.effects) {
    if (effect.kind !== 'diversion' || effect.by !== name) continue;
    if (mergeUsrPath(effect.path.slice(1), 'other') === path) return mergeUsrPath(effect.to.slice(1), 'other');
  }
  return undefined;
}

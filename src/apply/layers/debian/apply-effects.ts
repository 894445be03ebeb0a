import { CogplanError } from '../../../errors.ts';
import { contains } from '../../../formats/debian/effects/commands/searching.ts';
import type { Condition, Effect, Literal } from '../../../formats/debian/effects/effect.ts';
import { matchesPattern, readPattern } from '../../../formats/debian/effects/value.ts';
import type { Accounts } from './accounts.ts';
import type { Alternatives } from './alternatives.ts';
import type { ConfiguredTree } from './configured-tree.ts';
import { applySysusers } from './sysusers.ts';

export interface Diversion {
  readonly path: string;
  readonly to: string;
  readonly by: string;
}

export interface StatOverride {
  readonly path: string;
  readonly owner: string;
  readonly group: string;
  readonly mode: string;
}

/** What effects change: the tree, and what is written down once all packages are configured. */
export interface Configuration {
  readonly tree: ConfiguredTree;
  readonly accounts: Accounts;
  readonly alternatives: Alternatives;
  readonly diversions: Diversion[];
  readonly statOverrides: StatOverride[];
  /** What is generated for the whole tree, with the arguments of each call. */
  readonly generators: Map<string, string[]>;
}

/** Carries out the effects of one package's scripts, in order. */
export function applyEffects(effects: readonly Effect[], configuration: Configuration): void {
  const results = new Map<number, boolean>();
  const holds = (literal: Literal) => (results.get(literal.check) ?? false) === literal.value;
  for (const effect of effects) {
    const { when } = effect;
    if (when !== undefined && !(when.all.every(holds) && when.none.every((list) => !list.every(holds)))) continue;
    if (effect.kind === 'check') results.set(effect.check, isTrue(effect.condition, configuration));
    else applyEffect(effect, configuration);
  }
}

function applyEffect(effect: Exclude<Effect, { kind: 'check' }>, configuration: Configuration): void {
  const { tree, accounts } = configuration;
  switch (effect.kind) {
    case 'skipped':
      return;
    case 'unread':
      throw new CogplanError(
        'COGPLAN_DEB_EFFECT',
        `${tree.origin}: ${effect.script}, line ${effect.line}, is run, as ${effect.paths.join(', ')} is there: ${effect.reason}: ${effect.text}`,
        {
          subject: effect.paths[0],
          hint: 'Its effect on the image is not known. Leave out the package that brings that path, or let the scripts run in the sandbox: configure: sealed in cogplan.yaml.',
        },
      );
    case 'link':
      tree.link(effect.path, effect.target, effect.force);
      return;
    case 'directory': {
      const mode = effect.mode === undefined ? undefined : changedMode(0o755, effect.mode, 'directory');
      tree.makeDirectory(effect.path, { parents: effect.parents, mode });
      return;
    }
    case 'file':
      if (tree.getTarget(effect.path) === undefined) tree.write(effect.path, effect.content, { mode: effect.mode });
      else if (effect.append) tree.append(effect.path, effect.content);
      else tree.write(effect.path, effect.content);
      return;
    case 'touch':
      if (tree.getTarget(effect.path) === undefined) tree.write(effect.path, '', { mode: effect.mode });
      return;
    case 'copy':
      tree.copy(effect.from, effect.to);
      return;
    case 'move':
      tree.move(effect.from, effect.to);
      return;
    case 'remove':
      for (const path of named(tree, effect)) tree.remove(path, effect.recursive);
      return;
    case 'absent':
      for (const path of named(tree, effect)) refusePresent(tree, path);
      return;
    case 'mode':
      tree.chmod(effect.path, (mode, type) => changedMode(mode, effect.mode, type));
      if (effect.recursive)
        for (const path of tree.below(effect.path))
          if (tree.get(path)?.type !== 'symlink')
            tree.chmod(path, (mode, type) => changedMode(mode, effect.mode, type));
      return;
    case 'owner': {
      const owner = accounts.resolveOwner(effect.owner);
      tree.chown(effect.path, owner);
      if (effect.recursive)
        for (const path of tree.below(effect.path)) if (tree.get(path)?.type !== 'symlink') tree.chown(path, owner);
      return;
    }
    case 'alternative':
      configuration.alternatives.install(effect);
      return;
    case 'user':
      accounts.addUser(effect);
      if (effect.createHome) tree.makeDirectory(effect.home, { parents: true });
      return;
    case 'group':
      accounts.addGroup(effect.name, effect.gid);
      return;
    case 'member':
      accounts.addMember(effect.user, effect.group);
      return;
    case 'diversion':
      configuration.diversions.push(effect);
      return;
    case 'statoverride':
      configuration.statOverrides.push(effect);
      return;
    case 'generate': {
      const before = configuration.generators.get(effect.what) ?? [];
      configuration.generators.set(effect.what, [...before, ...effect.arguments]);
      return;
    }
  }
}

/** The paths an effect names that are there. */
function named(tree: ConfiguredTree, { path, pattern }: { path: string; pattern: boolean }): readonly string[] {
  if (!pattern) return tree.get(path) === undefined ? [] : [path];
  const slash = path.lastIndexOf('/');
  const tokens = readPattern(path.slice(slash + 1), false);
  return tree.list(path.slice(0, slash)).flatMap((name) => {
    return matchesPattern(tokens, name) ? [`${path.slice(0, slash)}/${name}`] : [];
  });
}

function refusePresent(tree: ConfiguredTree, path: string): void {
  throw new CogplanError('COGPLAN_DEB_EFFECT', `${tree.origin}: whether ${path} is removed is not known`, {
    subject: path,
    hint: 'The packages cannot be configured together without running their scripts.',
  });
}

const PROGRAM_DIRECTORIES = ['usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin'];

function isTrue(condition: Condition, configuration: Configuration): boolean {
  const { tree, accounts } = configuration;
  switch (condition.kind) {
    case 'not':
      return !isTrue(condition.of, configuration);
    case 'and':
      return condition.of.every((part) => isTrue(part, configuration));
    case 'or':
      return condition.of.some((part) => isTrue(part, configuration));
    case 'user':
      return accounts.findUser(condition.name) !== undefined;
    case 'group':
      return accounts.findGroup(condition.name) !== undefined;
    case 'program':
      return PROGRAM_DIRECTORIES.some((directory) => isExecutable(tree, `${directory}/${condition.name}`));
    case 'path':
      return isPath(condition, tree);
    case 'text':
      return contains(tree.readText(condition.path) ?? '', condition);
  }
}

function isPath({ path, is }: Extract<Condition, { kind: 'path' }>, tree: ConfiguredTree): boolean {
  switch (is) {
    case 'link':
      return tree.get(path)?.type === 'symlink';
    case 'directory':
      return tree.isDirectory(path);
    case 'there':
      return tree.isDirectory(path) || tree.getTarget(path) !== undefined;
    case 'file':
      return tree.getTarget(path)?.type === 'file';
    case 'matched':
      return named(tree, { path, pattern: true }).length > 0;
    case 'filled':
      return tree.isDirectory(path) || (tree.read(path)?.length ?? 0) > 0;
    case 'executable':
      return tree.isDirectory(path) || isExecutable(tree, path);
  }
}

function isExecutable(tree: ConfiguredTree, path: string): boolean {
  const node = tree.getTarget(path);
  return node?.type === 'file' && (node.mode & 0o111) !== 0;
}

/** Octal, or symbolic such as `u+s,g-w` (chmod(1)); a directory keeps set-id bits that an octal mode does not name. */
export function changedMode(mode: number, change: string, type: 'file' | 'directory' | 'symlink'): number {
  if (/^[0-7]+$/.test(change)) {
    const value = Number.parseInt(change, 8) & 0o7777;
    return type === 'directory' && change.length < 5 ? value | (mode & 0o6000 & ~value) : value;
  }
  return change.split(',').reduce((current, clause) => changeClause(current, clause, type), mode);
}

function changeClause(mode: number, clause: string, type: string): number {
  const match = /^([ugoa]*)([-+=])([rwxXst]*)$/.exec(clause);
  if (match === null) return mode;
  const [, who = '', operator, permissions = ''] = match;
  const everyone = who === '' || who.includes('a');
  let mask = 0;
  let bits = 0;
  for (const [letter, shift, special] of CLASSES) {
    if (!everyone && !who.includes(letter)) continue;
    mask |= (0o7 << shift) | special;
    if (permissions.includes('r')) bits |= 0o4 << shift;
    if (permissions.includes('w')) bits |= 0o2 << shift;
    const execute =
      permissions.includes('x') || (permissions.includes('X') && (type === 'directory' || (mode & 0o111) !== 0));
    if (execute) bits |= 0o1 << shift;
    if (permissions.includes('s') && letter !== 'o') bits |= special;
  }
  if (permissions.includes('t')) bits |= 0o1000;
  if (operator === '+') return mode | bits;
  return operator === '-' ? mode & ~bits : (mode & ~mask) | bits;
}

const CLASSES = [
  ['u', 6, 0o4000],
  ['g', 3, 0o2000],
  ['o', 0, 0o1000],
] as const;

/** Accounts that packages declare, then owners and modes that `dpkg-statoverride` sets: both once all effects are known. */
export function applyOwners({ tree, accounts, generators, statOverrides }: Configuration): void {
  const sysusers = generators.get('sysusers');
  if (sysusers !== undefined) applySysusers(tree, accounts, sysusers);
  for (const { path, owner, group, mode } of statOverrides) {
    if (tree.getTarget(path) === undefined) continue;
    tree.chown(path, accounts.resolveOwner(`${owner}:${group}`));
    tree.chmod(path, () => Number.parseInt(mode, 8));
  }
}

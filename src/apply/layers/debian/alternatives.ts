import { compareBytes } from '../../../canonical.ts';
import type { AlternativeSlave } from '../../../formats/debian/effects/effect.ts';
import type { ConfiguredTree } from './configured-tree.ts';

interface Choice {
  readonly path: string;
  readonly priority: number;
  readonly slaves: readonly AlternativeSlave[];
}

interface Group {
  readonly link: string;
  readonly choices: Map<string, Choice>;
}

/** The alternatives system (update-alternatives(1)), all groups in automatic mode. */
export class Alternatives {
  readonly #groups = new Map<string, Group>();
  readonly #before: ConfiguredTree | undefined;

  /** `before`: a tree whose own groups the new choices join; absent: there are none. */
  constructor(before?: ConfiguredTree) {
    this.#before = before;
  }

  install(alternative: Choice & { readonly link: string; readonly name: string }): void {
    const { link, name, path, priority, slaves } = alternative;
    const group = this.#groups.get(name) ?? readGroup(this.#before, name) ?? { link, choices: new Map() };
    group.choices.set(path, { path, priority, slaves });
    this.#groups.set(name, group);
  }

  /**
   * Writes both levels of links, and the database. The highest priority wins; of equal ones the first path, where dpkg would
   * keep what was installed first. A choice whose file is missing is no choice, and a slave whose file is missing has no link.
   */
  write(tree: ConfiguredTree): void {
    const groups = [...this.#groups].sort(([a], [b]) => compareBytes(a, b));
    if (groups.length === 0) return;
    tree.makeDirectory('/etc/alternatives', { parents: true });
    tree.makeDirectory('/var/lib/dpkg/alternatives', { parents: true });
    for (const [name, group] of groups) this.#writeGroup(tree, name, group);
  }

  #writeGroup(tree: ConfiguredTree, name: string, { link, choices }: Group): void {
    const usable = [...choices.values()]
      .filter(({ path }) => tree.getTarget(path) !== undefined)
      .sort((a, b) => compareBytes(a.path, b.path));
    const best = usable.reduce<Choice | undefined>(
      (winner, choice) => (winner === undefined || choice.priority > winner.priority ? choice : winner),
      undefined,
    );
    if (best === undefined) return;
    const slaves = new Map(usable.flatMap((choice) => choice.slaves.map((slave) => [slave.name, slave.link] as const)));
    const slaveNames = [...slaves.keys()].sort(compareBytes);
    writeLinks(tree, { link, name, path: best.path });
    for (const slave of best.slaves) if (tree.getTarget(slave.path) !== undefined) writeLinks(tree, slave);

    const lines = ['auto', link];
    for (const slave of slaveNames) lines.push(slave, slaves.get(slave) ?? '');
    lines.push('');
    for (const { path, priority, slaves: own } of usable) {
      lines.push(path, String(priority));
      for (const slave of slaveNames) lines.push(own.find((item) => item.name === slave)?.path ?? '');
    }
    tree.generate(`/var/lib/dpkg/alternatives/${name}`, `${[...lines, ''].join('\n')}\n`);
  }
}

/** A group of the database: mode, link, slaves' names and links, an empty line, then each choice with its slaves' paths. */
function readGroup(tree: ConfiguredTree | undefined, name: string): Group | undefined {
  const lines = tree?.readText(`/var/lib/dpkg/alternatives/${name}`)?.split('\n');
  const link = lines?.[1];
  if (lines === undefined || link === undefined || link === '') return undefined;
  let at = 2;
  const slaves: { readonly name: string; readonly link: string }[] = [];
  for (; at + 1 < lines.length && lines[at] !== ''; at += 2)
    slaves.push({ name: lines[at] ?? '', link: lines[at + 1] ?? '' });
  const choices = new Map<string, Choice>();
  for (at++; at + 1 < lines.length && lines[at] !== ''; at += 2 + slaves.length) {
    const own = slaves.flatMap((slave, index) => {
      const path = lines[at + 2 + index] ?? '';
      return path === '' ? [] : [{ ...slave, path }];
    });
    const path = lines[at] ?? '';
    choices.set(path, { path, priority: Number(lines[at + 1]) || 0, slaves: own });
  }
  return { link, choices };
}

function writeLinks(tree: ConfiguredTree, { link, name, path }: AlternativeSlave): void {
  const there = tree.get(link);
  // A file that a package ships under the name of the link stays, as update-alternatives leaves it.
  if (there !== undefined && there.type !== 'symlink') return;
  tree.link(`/etc/alternatives/${name}`, path, true);
  const directory = link.slice(0, link.lastIndexOf('/'));
  if (tree.isDirectory(directory)) tree.link(link, `/etc/alternatives/${name}`, true);
}

import { normalizeName } from '../../formats/python/name.ts';
import type { PythonPackage, SystemPackage, Target } from '../../lock/schema.generated.ts';

/** One locked package and the locked packages that it needs. */
export interface Node {
  readonly name: string;
  readonly version: string;
  /** Why it is there by itself: lines of the project, or the part of every image it belongs to. Empty: only because of others. */
  readonly asked: readonly string[];
  /** True when the project names it, rather than a part of every image. */
  readonly byProject: boolean;
  readonly requires: readonly Edge[];
}

export interface Edge {
  readonly name: string;
  /** As the requiring package says it: `numpy>=1.21`, or just the name. */
  readonly text: string;
}

/** Packages of one family of a target, by name. */
export type Graph = ReadonlyMap<string, Node>;

export type GraphFamily = 'system' | 'python' | 'files' | 'steps' | 'runtime';

export function graphOf(target: Target, family: GraphFamily): Graph {
  if (family === 'system') return systemGraph(target);
  if (family === 'files' || family === 'steps') return placedGraph(target, family);
  const packages = family === 'python' ? target.python.packages : [target.runtime.sdk, ...target.runtime.server];
  return new Map(packages.map((item) => [item.name, pythonNode(item, item === target.runtime.sdk)]));
}

/** Who requires each package, and with which words. */
export function requirersOf(
  graph: Graph,
): ReadonlyMap<string, readonly { readonly node: Node; readonly text: string }[]> {
  const requirers = new Map<string, { node: Node; text: string }[]>();
  for (const node of graph.values()) {
    for (const { name, text } of node.requires) {
      const list = requirers.get(name);
      if (list === undefined) requirers.set(name, [{ node, text }]);
      else list.push({ node, text });
    }
  }
  return requirers;
}

/**
 * The shortest way from something asked to each package that can be reached, as names, both ends included. What the project names goes
 * before what belongs to every image; among equals, the lock's order decides.
 */
export function shortestPaths(graph: Graph): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, readonly string[]>();
  const roots = [...graph.values()].filter((node) => node.asked.length > 0);
  for (const wave of [roots.filter((node) => node.byProject), roots.filter((node) => !node.byProject)]) {
    const queue = wave.filter((node) => !paths.has(node.name));
    for (const node of queue) paths.set(node.name, [node.name]);
    // A list may grow while it is walked; what is added is visited too.
    for (const node of queue) {
      for (const { name } of node.requires) {
        const next = graph.get(name);
        if (next === undefined || paths.has(name)) continue;
        paths.set(name, [...(paths.get(node.name) ?? []), name]);
        queue.push(next);
      }
    }
  }
  return paths;
}

/** What commands of `build.run` put into the image, by path, and those that are run, by place; nothing of them needs another. */
function placedGraph({ files, steps }: Target, family: 'files' | 'steps'): Graph {
  const node = (name: string, version: string, asked: string): Node => ({
    name,
    version,
    asked: [asked],
    byProject: true,
    requires: [],
  });
  const nodes =
    family === 'steps'
      ? steps.map(({ from, network, command, why }) => node(from, `network ${network}`, `${command} (${why})`))
      : files.map(({ path, kind, file, git, target, from, asked }) =>
          node(
            path,
            git?.commit ?? (file === undefined ? (target ?? kind) : `sha256:${file.sha256.slice(0, 12)}`),
            [from, asked ?? git?.url ?? file?.url].filter(Boolean).join(': '),
          ),
        );
  return new Map(nodes.map((item) => [item.name, item]));
}

/** The package that a requirement of metadata names: `uvicorn[standard]>=0.30` is about `uvicorn`. */
export function requiredName(requirement: string): string {
  return normalizeName(/^[A-Za-z0-9._-]*/.exec(requirement)?.[0] ?? '');
}

function pythonNode({ name, version, asked, requires }: PythonPackage, isSdk: boolean): Node {
  return {
    name,
    version,
    asked: isSdk ? ['cogplan: the cog module of this version'] : (asked ?? []),
    byProject: !isSdk && asked !== undefined,
    requires: requires.map((text) => ({ name: requiredName(text), text })),
  };
}

const GROUPS: Readonly<Record<SystemPackage['group'], string>> = {
  base: 'part of the base',
  interpreter: 'part of the interpreter',
  system: 'asked for with the system packages',
};

/** Packages of a group that no other package of their group needs stand for the group itself. */
function systemGraph({ system }: Target): Graph {
  const groups = new Map(system.packages.map((item) => [item.name, item.group]));
  const needed = new Set(
    system.packages.flatMap((item) => item.depends.filter((name) => groups.get(name) === item.group)),
  );
  const nodes = system.packages.map(({ name, version, asked, depends, recommends = [], group }): Node => {
    const ofGroup = group !== 'system' && !needed.has(name) ? [GROUPS[group]] : [];
    return {
      name,
      version,
      asked: asked === undefined ? ofGroup : [asked],
      byProject: asked !== undefined,
      requires: [
        ...depends.map((dependency) => ({ name: dependency, text: dependency })),
        ...recommends.map((recommended) => ({ name: recommended, text: `${recommended} (recommended)` })),
      ],
    };
  });
  return new Map(nodes.map((node) => [node.name, node]));
}

import { type Graph, type GraphFamily, graphOf, type Node } from '../plan/diff/edges.ts';
import { GRAPH_FAMILIES } from './graph-families.ts';
import { requireLockFile } from './project-lock.ts';
import { line } from './render/plan-outline.ts';
import { type CommonOptions, print, printJson, projectDirectory } from './session.ts';

interface TreeOptions extends CommonOptions {
  readonly family?: GraphFamily;
}

/** `cogplan tree [DIR]`: everything that is locked below what asked for it. A package's own tree is shown once. */
export async function treeVerb(argument: readonly string[], options: TreeOptions): Promise<number> {
  const lock = await requireLockFile(projectDirectory(argument));
  const families = options.family === undefined ? GRAPH_FAMILIES : [options.family];
  const graphs = Object.entries(lock.targets).flatMap(([platform, target]) =>
    families.map((family) => ({ platform, family, graph: graphOf(target, family) })).filter(isTold),
  );
  if (options.json) {
    printJson({
      trees: graphs.map(({ platform, family, graph }) => ({ platform, family, packages: [...graph.values()] })),
    });
    return 0;
  }
  for (const { platform, family, graph } of graphs) {
    if (graph.size === 0) continue;
    print(`${family} (${platform})`);
    for (const text of treeLines(graph)) print(`  ${text}`);
  }
  return 0;
}

/** Most projects place and run nothing. */
function isTold({ family, graph }: { readonly family: GraphFamily; readonly graph: Graph }): boolean {
  return graph.size > 0 || !(family === 'files' || family === 'steps');
}

function treeLines(graph: Graph): readonly string[] {
  const shown = new Set<string>();
  const lines: string[] = [];
  const walk = (node: Node, text: string, indent: string): void => {
    const again = shown.has(node.name) && node.requires.length > 0;
    lines.push(`${indent}${line(text)}${again ? ' (see above)' : ''}`);
    if (shown.has(node.name)) return;
    shown.add(node.name);
    for (const edge of node.requires) {
      const next = graph.get(edge.name);
      const wanted = edge.text === edge.name ? '' : ` (${edge.text})`;
      if (next !== undefined) walk(next, `${next.name} ${next.version}${wanted}`, `${indent}  `);
    }
  };
  const roots = [...graph.values()].filter(({ asked }) => asked.length > 0);
  for (const node of [...roots.filter(({ byProject }) => byProject), ...roots.filter(({ byProject }) => !byProject)]) {
    walk(node, `${node.name} ${node.version}  [${node.asked.join('; ')}]`, '');
  }
  // Packages that need each other and nothing else leads to.
  for (const node of graph.values()) if (!shown.has(node.name)) walk(node, `${node.name} ${node.version}`, '');
  return lines;
}

import { type Graph, requirersOf } from './edges.ts';

/** More ways than this tell nobody more. */
const MOST_WAYS = 12;
/** Steps of the search; a graph of many packages has more ways than can be walked. */
const MOST_STEPS = 20_000;

/**
 * Ways from something asked to a package, the shortest first: `rapidocr 1.4`, `onnxruntime>=1.7`, `numpy>=1.21`. Each begins with what was
 * asked; none visits a package twice. `more`: there are others.
 */
export function waysTo(
  graph: Graph,
  name: string,
): { readonly ways: readonly (readonly string[])[]; readonly more: boolean } {
  const requirers = requirersOf(graph);
  const ways: string[][] = [];
  // From the package upwards, breadth first, so that short ways come first; steps are kept from the top down.
  const queue: { readonly at: string; readonly steps: readonly string[]; readonly seen: ReadonlySet<string> }[] = [
    { at: name, steps: [], seen: new Set([name]) },
  ];
  let steps = 0;
  // A list may grow while it is walked; what is added is visited too.
  for (const { at, steps: below, seen } of queue) {
    if (ways.length >= MOST_WAYS || ++steps > MOST_STEPS) return { ways, more: true };
    const node = graph.get(at);
    if (node !== undefined && node.asked.length > 0 && below.length > 0) {
      ways.push([...node.asked.slice(0, 1), `${node.name} ${node.version}`, ...below]);
    }
    for (const { node: by, text } of requirers.get(at) ?? []) {
      if (!seen.has(by.name)) queue.push({ at: by.name, steps: [text, ...below], seen: new Set([...seen, by.name]) });
    }
  }
  return { ways, more: false };
}

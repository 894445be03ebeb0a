import type { GraphFamily } from '../plan/diff/edges.ts';

/** Families whose packages need each other, in the order in which people look for a name. */
export const GRAPH_FAMILIES: readonly GraphFamily[] = ['python', 'files', 'steps', 'system', 'runtime'];

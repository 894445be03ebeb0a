import type { Context } from '../context.ts';
import { parseMirrors } from '../sources/http/mirrors.ts';
import { readSettings } from '../spec/settings.ts';

/** The environment with the project's `mirrors:` in COGPLAN_MIRRORS, where those that the environment names itself come first. */
export async function withProjectMirrors(env: Context['env'], directory: string | undefined): Promise<Context['env']> {
  if (directory === undefined) return env;
  const { mirrors } = (await readSettings(directory)).values;
  if (mirrors === undefined) return env;
  const own = Object.entries(mirrors).flatMap(([from, to]) => pairsOf(from, to));
  const given = parseMirrors(env.COGPLAN_MIRRORS).map(({ from, to }) => [from, to] as const);
  return { ...env, COGPLAN_MIRRORS: JSON.stringify(Object.fromEntries([...own, ...given])) };
}

type Pair = readonly [string, string];

// A host stands for all that it serves; images of docker.io lie on another host than their name says.
function pairsOf(from: string, to: string): readonly Pair[] {
  if (/^https?:\/\//.test(from)) return [[from, to]];
  const host = from === 'docker.io' ? 'registry-1.docker.io' : from;
  const root = to.replace(/\/+$/, '');
  return [
    [`https://${host}`, root],
    [`http://${host}`, root],
  ];
}

import type { Context } from '../context.ts';
import { parseMirrors } from '../sources/http/mirrors.ts';
import { readSettings } from '../spec/settings.ts';

/** The environment with the project's `mirrors:` in COGPLAN_MIRRORS, where those that the environment names itself come first. */
export async function withProjectMirrors(env: Context['env'], directory: string | undefined): Promise<Context['env']> {
  if (directory === undefined) return env;
  const { mirrors } = (await readSettings(directory)).values;
  if (mirrors === undefined) return env;
  const own = Object.entries(mirrors).flatMap(([from, to]) => prefixesOf(from).map((prefix) => [prefix, to] as const));
  const given = parseMirrors(env.COGPLAN_MIRRORS).map(({ from, to }) => [from, to] as const);
  return { ...env, COGPLAN_MIRRORS: JSON.stringify(Object.fromEntries([...own, ...given])) };
}

// A host stands for all that it serves.
function prefixesOf(from: string): readonly string[] {
  return /^https?:\/\//.test(from) ? [from] : [`https://${from}`, `http://${from}`];
}

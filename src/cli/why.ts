import { CogplanError } from '../errors.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { nearest } from '../nearest.ts';
import { graphOf } from '../plan/diff/edges.ts';
import { waysTo } from '../plan/diff/ways.ts';
import { GRAPH_FAMILIES } from './graph-families.ts';
import { requireLockFile } from './project-lock.ts';
import { line } from './render/plan-outline.ts';
import { type CommonOptions, print, printJson, projectDirectory } from './session.ts';

interface Answer {
  readonly platform: string;
  readonly family: string;
  readonly name: string;
  readonly version: string;
  /** Why it is there by itself. */
  readonly asked: readonly string[];
  readonly ways: readonly (readonly string[])[];
  /** More ways than are told. */
  readonly more: boolean;
}

/** `cogplan why NAME [DIR]`: each way from what was asked to a package, from the lock alone. */
export async function whyVerb(argument: readonly string[], options: CommonOptions): Promise<number> {
  const [name = '', ...rest] = argument;
  const lock = await requireLockFile(projectDirectory(rest));
  const answers = answersFor(lock, name);
  if (answers.length === 0) throw unknownName(lock, name);
  if (options.json) printJson({ name, answers });
  else for (const answer of answers) for (const text of answerLines(answer)) print(text);
  return 0;
}

function answersFor(lock: Lock, wanted: string): readonly Answer[] {
  const python = wanted.toLowerCase().replace(/[-_.]+/g, '-');
  return Object.entries(lock.targets).flatMap(([platform, target]) =>
    GRAPH_FAMILIES.flatMap((family): readonly Answer[] => {
      const graph = graphOf(target, family);
      const node = graph.get(family === 'python' || family === 'runtime' ? python : wanted);
      if (node === undefined) return [];
      const { ways, more } = waysTo(graph, node.name);
      return [{ platform, family, name: node.name, version: node.version, asked: node.asked, ways, more }];
    }),
  );
}

function answerLines({ platform, family, name, version, asked, ways, more }: Answer): readonly string[] {
  const lines = [`${name} ${version} (${family}, ${platform})`];
  for (const text of asked) lines.push(`  ${text}`);
  for (const way of ways) lines.push(`  ${way.join(' → ')}`);
  if (more) lines.push('  … and other ways');
  return lines.map((text) => `${/^ */.exec(text)?.[0] ?? ''}${line(text)}`);
}

function unknownName(lock: Lock, name: string): CogplanError {
  const names = Object.values(lock.targets).flatMap((target) =>
    GRAPH_FAMILIES.flatMap((family) => [...graphOf(target, family).keys()]),
  );
  const near = nearest(name, names);
  return new CogplanError('COGPLAN_USAGE', `no locked package is called ${name}`, {
    subject: name,
    hint: near === undefined ? 'See `cogplan tree` for the names there are.' : `Did you mean ${near}?`,
  });
}

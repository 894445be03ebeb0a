import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { readRun } from '../../src/spec/run/read-run.ts';
import type { RunCommand } from '../../src/spec/spec.ts';
import expected from './run-classes.json' with { type: 'json' };

const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));
const present = existsSync(CORPUS);
if (!present) console.log(`${CORPUS} is not here: the classes of its commands are not compared`);

interface Configuration {
  readonly build?: { readonly run?: unknown; readonly pre_install?: unknown };
}

/** Commands of a file, empty for one that is no YAML. */
function commandsOf(number: string): readonly RunCommand[] {
  let build: Configuration['build'];
  try {
    const text = readFileSync(`${CORPUS}${number}/cog.yaml`, 'utf8');
    build = (parse(text, { uniqueKeys: false }) as Configuration | null)?.build;
  } catch {
    return [];
  }
  return [build?.run, build?.pre_install]
    .flatMap((list) => (Array.isArray(list) ? list : []))
    .flatMap((item: unknown) => {
      const { command, mounts = [] } = typeof item === 'string' ? { command: item } : (item as RunCommand);
      return typeof command === 'string' ? [{ command: command.trim(), mounts, where: { file: 'cog.yaml' } }] : [];
    });
}

it('every command of the corpus comes to what was reviewed', () => {
  if (!present) return;
  const found: Record<string, readonly string[]> = {};
  for (const number of readdirSync(CORPUS).sort()) {
    const { commands } = readRun(commandsOf(number));
    if (commands.length > 0) found[number] = commands.map(({ parts }) => parts.map((part) => part.class).join(' '));
  }
  expect(found).toEqual(expected);
});

it('counts of the classes stand in the documentation', () => {
  const counts = new Map<string, number>();
  for (const name of Object.values(expected)
    .flat()
    .flatMap((parts) => parts.split(' ')))
    counts.set(name, (counts.get(name) ?? 0) + 1);
  const page = readFileSync(new URL('../../docs/corpus.md', import.meta.url), 'utf8');
  for (const [name, count] of counts) expect(page).toContain(`| ${name} | ${count} |`);
});

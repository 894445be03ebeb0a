import { parseShell } from '../../formats/debian/effects/shell-parse.ts';
import {
  type List,
  type Pipeline,
  type SimpleCommand,
  Unrecognised,
} from '../../formats/debian/effects/shell-syntax.ts';
import type { RunCommand } from '../spec.ts';
import { expandWord } from './expand-word.ts';
import { mergePlatforms } from './merge-platforms.ts';
import { NeedsPlatform } from './on-platform.ts';
import { readStatements } from './read-list.ts';
import { readPipeline } from './read-pipeline.ts';
import {
  ARCHITECTURE,
  MACHINE,
  NOTHING_RUN,
  type ReadCommand,
  type RunPart,
  type RunPlatform,
  type RunReading,
} from './run-reading.ts';
import { PLAIN, RunState, type Surroundings } from './run-state.ts';

const PLATFORMS: readonly RunPlatform[] = ['linux/amd64', 'linux/arm64'];

/**
 * What the commands of `build.run` come to: packages, files, git trees and weights that can be locked, lines without effect, and steps that have to be run. A command is read
 * only as far as all of it is understood: from the first part that is not, the rest of it is one step. Where that depends on the processor, it is read for each. Pure.
 */
export function readRun(commands: readonly RunCommand[], surroundings: Surroundings = PLAIN): RunReading {
  try {
    return readOnce(commands, surroundings);
  } catch (error) {
    if (!(error instanceof NeedsPlatform)) throw error;
  }
  const asSteps = new Map(surroundings.asSteps);
  for (;;) {
    const readings = PLATFORMS.map((platform) => readOnce(commands, { ...surroundings, platform, asSteps }));
    const [first, second] = readings;
    if (first === undefined || second === undefined) return NOTHING_RUN;
    const merged = mergePlatforms(first, second);
    if (merged.reading !== undefined) return merged.reading;
    const isNew = !asSteps.has(merged.from);
    for (const from of isNew ? [merged.from] : commands.map((_, index) => `build.run[${index}]`))
      asSteps.set(from, merged.why);
  }
}

function readOnce(commands: readonly RunCommand[], surroundings: Surroundings): RunReading {
  const state = new RunState(surroundings);
  const read = commands.map((command, index) => readCommand(state, command, `build.run[${index}]`));
  const { placements, steps, requirements, treeRequirements, systemPackages, weights, warnings } = state;
  return { commands: read, placements, steps, requirements, treeRequirements, systemPackages, weights, warnings };
}

function readCommand(state: RunState, command: RunCommand, from: string): ReadCommand {
  const { where } = command;
  state.startCommand(from, where);
  const { text, mounts } = withoutMounts(command);
  const secrets = mounts.map(({ id, target }) => ({ id, target }));
  const base = { from, command: command.command, where };
  const asStep = secrets.length > 0 ? 'it is given secrets' : state.surroundings.asSteps.get(from);
  let list: List;
  try {
    list = parseShell(text);
  } catch (error) {
    if (!(error instanceof Unrecognised)) throw error;
    const why = `the shell's syntax: ${error.message}`;
    state.run(text, why, secrets);
    return { ...base, parts: [{ class: 'step', text, why }] };
  }
  if (asStep === undefined) return { ...base, parts: readList(state, list, text) };
  state.run(text, asStep, secrets);
  return { ...base, parts: [{ class: 'step', text, why: asStep }] };
}

function readList(state: RunState, list: List, text: string): readonly RunPart[] {
  const pieces = piecesOf(list, text);
  /** What is run after a part needs of it: `export`, `cd`, functions. */
  const settings = new Map<Pipeline, readonly string[]>();
  const { read, stopped } = readStatements(state, list, {
    needed: true,
    readPipeline: (pipeline, needed) => {
      const before = settingsOf(state);
      const outcome = readPipeline(state, pipeline, { needed });
      if (outcome.class !== 'step' && outcome.status !== false)
        settings.set(pipeline, carried(state, { pipeline, own: pieces.get(pipeline)?.own ?? '', before }));
      return outcome;
    },
  });
  const parts = read.map(
    ({ pipeline, outcome }): RunPart => ({
      class: outcome.class,
      why: readable(outcome.why),
      text: pieces.get(pipeline)?.own ?? '',
    }),
  );
  if (stopped === undefined) return parts;
  // A loop or an `||` may reach back over what was read already: only whole statements are.
  const rest = text.slice(pieces.get(stopped.pipeline)?.start ?? 0).trim();
  const before = read.flatMap(({ pipeline, skipped }) => (skipped === true ? [] : (settings.get(pipeline) ?? [])));
  const why = readable(stopped.why);
  state.run([...before, rest].join(' && '), why, []);
  return [...parts, { class: 'step', text: rest, why }];
}

function readable(why: string): string {
  return why.replaceAll(MACHINE, '$(uname -m)').replaceAll(ARCHITECTURE, '$(dpkg --print-architecture)');
}

interface Piece {
  readonly own: string;
  readonly start: number;
}

function piecesOf(list: List, text: string): ReadonlyMap<Pipeline, Piece> {
  const flat = list.flatMap(({ first, rest }) => [first, ...rest.map(({ pipeline }) => pipeline)]);
  const starts = flat.map((pipeline) => startOf(pipeline, text));
  return new Map(
    flat.map((pipeline, index) => {
      const start = starts[index] ?? 0;
      const own = text.slice(start, starts[index + 1] ?? text.length).replace(/[\s;&|]+$/, '');
      return [pipeline, { own, start }];
    }),
  );
}

/** Where a pipeline begins, with the `!` in front of it. */
function startOf({ commands, negated }: Pipeline, text: string): number {
  const offset = commands[0]?.place.offset ?? 0;
  return negated ? text.slice(0, offset).replace(/(?:![ \t]+)+$/, '').length : offset;
}

interface Settings {
  readonly cwd: string;
  readonly variables: ReadonlyMap<string, string>;
}

function settingsOf({ cwd, variables }: RunState): Settings {
  return { cwd, variables: new Map(variables) };
}

/** What a later step has to be told of a part that was read: a setting as it is written, or what a compound statement set. */
function carried(
  state: RunState,
  { pipeline, own, before }: { readonly pipeline: Pipeline; readonly own: string; readonly before: Settings },
): readonly string[] {
  const [only] = pipeline.commands;
  if (pipeline.commands.length > 1 || only === undefined) return [];
  if (only.kind === 'simple' ? isSetting(only) : only.kind === 'function') return [own];
  const set = [...state.variables].filter(([name, value]) => before.variables.get(name) !== value);
  return [
    ...set.map(([name, value]) => `${state.exported.has(name) ? 'export ' : ''}${name}=${shellQuoted(value)}`),
    ...(state.cwd === before.cwd ? [] : [`cd ${shellQuoted(state.cwd)}`]),
  ];
}

function shellQuoted(text: string): string {
  const plain = `'${text.replaceAll("'", "'\\''")}'`;
  return plain.replaceAll(MACHINE, `'"$(uname -m)"'`).replaceAll(ARCHITECTURE, `'"$(dpkg --print-architecture)"'`);
}

function isSetting(only: SimpleCommand): boolean {
  const [first] = only.words;
  const name = first === undefined ? undefined : expandWord(first, new Map());
  return name === undefined
    ? only.assignments.length > 0
    : ['cd', 'export', 'set', 'unset', 'readonly', 'umask'].includes(name);
}

const MOUNT = /^\s*--mount=(\S+)\s+/;

/** Options of a Dockerfile's RUN in front of the command: caches need none, secrets are the command's. */
function withoutMounts({ command, mounts }: RunCommand): {
  readonly text: string;
  readonly mounts: RunCommand['mounts'];
} {
  let text = command;
  const found = [...mounts];
  for (let match = MOUNT.exec(text); match !== null; match = MOUNT.exec(text)) {
    const fields = new Map(
      (match[1] ?? '')
        .split(',')
        .map((field) => [field.split('=')[0] ?? '', field.slice(field.indexOf('=') + 1)] as const),
    );
    const [type, id, target] = [fields.get('type'), fields.get('id'), fields.get('target') ?? fields.get('dst')];
    if (type === 'secret' && id !== undefined)
      found.push({ type: 'secret', id, target: target ?? `/run/secrets/${id}` });
    else if (type !== 'cache') break;
    text = text.slice(match[0].length);
  }
  return { text, mounts: found };
}

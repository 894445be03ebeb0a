import { parseShell } from '../../formats/debian/effects/shell-parse.ts';
import { type List, type Pipeline, Unrecognised } from '../../formats/debian/effects/shell-syntax.ts';
import type { RunCommand } from '../spec.ts';
import { expandWord } from './expand-word.ts';
import { pipelinesOf, readPipeline } from './read-pipeline.ts';
import type { ReadCommand, RunPart, RunReading, RunStep } from './run-reading.ts';
import { RunState } from './run-state.ts';

/**
 * What the commands of `build.run` come to: packages, files, git trees and weights that can be locked, lines without effect, and steps that have to be run. A command is read
 * only as far as all of it is understood: from the first part that is not, the rest of it is one step. Pure.
 */
export function readRun(commands: readonly RunCommand[]): RunReading {
  const state = new RunState();
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
  let list: List;
  try {
    list = parseShell(text);
  } catch (error) {
    if (!(error instanceof Unrecognised)) throw error;
    const why = `the shell's syntax: ${error.message}`;
    state.run(text, why, secrets);
    return { ...base, parts: [{ class: 'step', text, why }] };
  }
  return { ...base, parts: secrets.length > 0 ? runAll(state, text, secrets) : readList(state, list, text) };
}

function runAll(state: RunState, text: string, secrets: RunStep['secrets']): readonly RunPart[] {
  const why = 'it is given secrets';
  state.run(text, why, secrets);
  return [{ class: 'step', text, why }];
}

interface Piece {
  readonly pipeline: Pipeline;
  readonly start: number;
  readonly end: number;
  /** True: what comes before it succeeded, so that it is not run. */
  readonly skipped: boolean;
}

function readList(state: RunState, list: List, text: string): readonly RunPart[] {
  const pieces = piecesOf(list, text);
  const parts: RunPart[] = [];
  /** `export` and `cd`, which what is run after them needs. */
  const before: string[] = [];
  for (const [index, piece] of pieces.entries()) {
    const own = text.slice(piece.start, piece.end).replace(/[\s;&|]+$/, '');
    if (piece.skipped) {
      parts.push({ class: 'none', text: own, why: 'what it stands in for is done' });
      continue;
    }
    const outcome = readPipeline(state, piece.pipeline);
    if (outcome.class !== 'step') {
      if (isSetting(piece.pipeline)) before.push(own);
      parts.push({ ...outcome, text: own });
      continue;
    }
    const rest = text.slice(piece.start).trim();
    // A loop or an `||` may reach back over what was read already: only whole statements are.
    state.run([...before, rest].join(' && '), outcome.why, []);
    parts.push({ class: 'step', text: rest, why: outcome.why });
    if (index < pieces.length) return parts;
  }
  return parts;
}

function piecesOf(list: List, text: string): readonly Piece[] {
  const flat = pipelinesOf(list).map((piece) => ({ ...piece, start: startOf(piece.pipeline) }));
  return flat.map((piece, index) => ({ ...piece, end: flat[index + 1]?.start ?? text.length }));
}

function startOf({ commands }: Pipeline): number {
  return commands[0]?.place.offset ?? 0;
}

function isSetting({ commands }: Pipeline): boolean {
  const [only] = commands;
  if (only?.kind !== 'simple') return false;
  const [first] = only.words;
  const name = first === undefined ? undefined : expandWord(first, new Map());
  return name === undefined ? only.assignments.length > 0 : ['cd', 'export', 'set', 'unset'].includes(name);
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

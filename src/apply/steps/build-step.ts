import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import { warn, withSpan } from '../../events.ts';
import type { BuiltLayer, LayerEntry } from '../layers/entry.ts';
import { writeLayer } from '../layers/write-layer.ts';
import { compareRuns, type Unsteady } from './compare-runs.ts';
import { holdsBytes } from './holds-bytes.ts';
import { runStep, type StepNetwork, type StepResult, type StepRun } from './run-step.ts';
import { OTHER_SURROUNDINGS, SEALED_SURROUNDINGS } from './surroundings.ts';

export interface BuildStepRequest extends Omit<StepRun, 'surroundings' | 'network'> {
  /** Run it twice and compare: for a step that no seal vouches for. */
  readonly compare: boolean;
  /** Take what the first run gives, though the second gives other bytes. */
  readonly accepted: boolean;
  /** What a recorded step's requests are answered from. */
  readonly openNetwork?: () => Promise<StepNetwork>;
}

/** Longer than the two seconds that the times in zip archives count by. */
const BETWEEN_RUNS_MS = 2100;
const MOST_SHOWN = 10;

/**
 * The layer that a step leaves. The first time it is run twice, in surroundings that differ in what must not matter (time, number and kind of processors);
 * COGPLAN_STEP_UNREPRODUCIBLE names every path that differs, and why. COGPLAN_SECRET_LEAKED when a secret stands in what it leaves.
 */
export async function buildStep(context: Context, request: BuildStepRequest): Promise<BuiltLayer> {
  return withSpan(context.host, 'apply.step', `Running ${request.what}`, async () => {
    const first = await runOnce(context, request, SEALED_SURROUNDINGS);
    try {
      refuseLeaks(first.entries, request);
      if (request.compare) await compareWithSecondRun(context, request, first);
      return await writeLayer(first.entries, context.store, context.signal);
    } finally {
      await first.dispose();
    }
  });
}

async function compareWithSecondRun(context: Context, request: BuildStepRequest, first: StepResult): Promise<void> {
  const wait = first.ended * 1000 + BETWEEN_RUNS_MS - context.now().getTime();
  if (wait > 0) await sleep(wait, undefined, { signal: context.signal });
  const second = await runOnce(context, request, OTHER_SURROUNDINGS);
  try {
    const unsteady = compareRuns(first, second);
    if (unsteady.length === 0) return;
    const told = unsteady.map(({ path, cause, detail }) => `/${path}: ${cause} (${detail})`);
    const text = `${request.what} gives other bytes on a second run: ${listed(told)}`;
    if (request.accepted) warn(context.host, 'apply.step-accepted', `${text}; the first is sealed, as accepted`);
    else throw unreproducible(request.what, text, unsteady);
  } finally {
    await second.dispose();
  }
}

async function runOnce(
  context: Context,
  request: BuildStepRequest,
  surroundings: StepRun['surroundings'],
): Promise<StepResult> {
  const network = await request.openNetwork?.();
  try {
    return await runStep(context, { ...request, surroundings, ...(network === undefined ? {} : { network }) });
  } finally {
    await network?.close();
  }
}

function refuseLeaks(entries: readonly LayerEntry[], { secrets, recipe, what }: BuildStepRequest): void {
  for (const { id } of recipe.secrets) {
    const value = Buffer.from(secrets.get(id) ?? '')
      .toString('latin1')
      .trim();
    if (value.length < 4) continue;
    const needle = Buffer.from(value, 'latin1');
    for (const entry of entries) {
      if (entry.type !== 'file' || !holdsBytes(entry, needle)) continue;
      throw new CogplanError('COGPLAN_SECRET_LEAKED', `${what} leaves the secret ${id} in /${entry.path}`, {
        subject: `/${entry.path}`,
        hint: 'Nothing was stored. Let the command remove the file, or not write the secret.',
      });
    }
  }
}

function unreproducible(what: string, text: string, unsteady: readonly Unsteady[]): CogplanError {
  return new CogplanError('COGPLAN_STEP_UNREPRODUCIBLE', text, {
    subject: what,
    hint: 'Make the command give the same bytes (SOURCE_DATE_EPOCH is set), or accept what it gives once: accept: true for the step in cogplan.yaml.',
    data: { paths: unsteady.map(({ path, cause }) => ({ path: `/${path}`, cause })) },
  });
}

function listed(lines: readonly string[]): string {
  const more = lines.length - MOST_SHOWN;
  return lines.slice(0, MOST_SHOWN).join(', ') + (more > 0 ? `, and ${more} more` : '');
}

import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { withSpan } from '../../events.ts';
import { imageFiles } from '../../lock/check-lock.ts';
import type { Platform } from '../../lock/platform.ts';
import type { Exchange, Step, Target } from '../../lock/schema.generated.ts';
import { bundledFile } from '../../sources/bundled-runtime.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import { buildLayers, storePlannedBase } from '../build-layers.ts';
import { treeFetcher } from '../git-tree/tree-fetcher.ts';
import { planLayers } from '../plan-layers.ts';
import { stepName } from '../plan-placed.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { runStep } from './run-step.ts';
import { secretsFor } from './secrets.ts';
import { openStepNetwork, recording } from './step-network.ts';
import { SEALED_SURROUNDINGS } from './surroundings.ts';

export interface RecordStepsRequest {
  readonly target: Target;
  readonly platform: Platform;
  readonly projectDirectory: string;
  readonly openSandbox: () => Promise<Sandbox>;
}

/**
 * The steps of a target, those with `network: recorded` with every answer that they got: each is run once, on the image so far, through a proxy. One that has its answers already is
 * left alone.
 */
export async function recordSteps(context: Context, request: RecordStepsRequest): Promise<readonly Step[]> {
  const { platform, openSandbox } = request;
  let { target } = request;
  for (const [index, step] of target.steps.entries()) {
    if (step.network !== 'recorded' || step.fetched !== undefined) continue;
    const below = withoutStepsFrom(target, step.order);
    await fetchArtifacts(
      context,
      [...imageFiles(below)].map(({ file, what }) => ({ file, what })),
      {
        bundled: bundledFile,
        project: request.projectDirectory,
        fetchers: { 'git+': treeFetcher(below) },
      },
    );
    const planned = planLayers(below, platform, { bytecode: false }).filter(({ family }) => family !== 'runtime');
    await storePlannedBase(
      context,
      planned.flatMap((layer) => layer.base ?? []),
    );
    const layers = await buildLayers(context, planned, { cold: false, seals: new Map(), openSandbox });
    const fetched = await withSpan(context.host, 'lock.record', `Recording ${stepName(step)}`, async () =>
      recordStep(context, { step, below: layers.map(({ built }) => built), target, sandbox: await openSandbox() }),
    );
    target = {
      ...target,
      steps: target.steps.map((item, at) => (at === index ? { ...item, fetched: [...fetched] } : item)),
    };
  }
  return target.steps;
}

interface Recording {
  readonly step: Step;
  readonly below: Parameters<typeof runStep>[1]['below'];
  readonly target: Target;
  readonly sandbox: Sandbox;
}

async function recordStep(context: Context, { step, below, target, sandbox }: Recording): Promise<readonly Exchange[]> {
  const exchanges = new Map<string, Exchange>();
  const secrets = secretsFor(step.secrets ?? [], context.env);
  const network = await openStepNetwork(context, recording(context, exchanges), secrets);
  const env = Object.fromEntries(
    target.image.env.map((item) => [item.slice(0, item.indexOf('=')), item.slice(item.indexOf('=') + 1)]),
  );
  try {
    const result = await runStep(context, {
      recipe: { ...step, env: { ...env, ...step.env }, secrets: step.secrets ?? [], cacheTag: '' },
      below,
      sandbox,
      secrets,
      surroundings: SEALED_SURROUNDINGS,
      network,
      what: stepName(step),
    });
    await result.dispose();
  } finally {
    await network.close();
  }
  return [...exchanges.values()].sort((a, b) => compareBytes(a.url, b.url));
}

function withoutStepsFrom(target: Target, order: number): Target {
  return {
    ...target,
    files: target.files.filter((item) => item.order < order),
    steps: target.steps.filter((item) => item.order < order),
  };
}

import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Context } from '../../context.ts';
import type { Sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { findMissing } from '../../formats/debian/missing-packages.ts';
import type { LayerEntry } from '../layers/entry.ts';
import type { StepRecipe } from '../recipe.ts';
import { runInRoot } from '../sandbox/run-in-root.ts';
import type { Bind, Sandbox } from '../sandbox/sandbox.ts';
import { openWritableRoot } from '../sandbox/writable-root.ts';
import { redactSecrets } from './redact-secrets.ts';
import { stepEntries } from './step-entries.ts';
import { kernelFiles, type Surroundings } from './surroundings.ts';

/** What a step's network leads to while it runs: binds and environment that send its requests there. */
export interface StepNetwork {
  readonly binds: readonly Bind[];
  readonly env: Readonly<Record<string, string>>;
  /** Put before the command: starts what passes its connections on. */
  readonly prefix: string;
  /** Requests that were not let through, each in one line. */
  refused(): readonly string[];
  close(): Promise<void>;
}

export interface StepRun {
  readonly recipe: Pick<StepRecipe, 'command' | 'cwd' | 'env' | 'secrets' | 'cacheTag' | 'network'>;
  /** Layers that it runs on, bottom first, in the store. */
  readonly below: readonly { readonly diffId: Sha256 }[];
  readonly sandbox: Sandbox;
  /** Secrets by id. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly surroundings: Surroundings;
  readonly network?: StepNetwork;
  /** Places of the host that it may read beside. */
  readonly binds?: readonly Bind[];
  /** Names the step in messages: its place and command. */
  readonly what: string;
}

export interface StepResult {
  readonly entries: readonly LayerEntry[];
  /** Seconds since the epoch between which it ran. */
  readonly started: number;
  readonly ended: number;
  /** Removes the root; the entries' contents lie in it. */
  dispose(): Promise<void>;
}

const LOG_LINES = 20;
const NO_NETWORK =
  /could ?n.t resolve host|could not resolve|temporary failure in name resolution|network is unreachable|name or service not known|failed to establish a new connection|connection refused|urlopen error|bad address/i;

/** Runs a step on the layers below it in a root of its own. COGPLAN_STEP_FAILED with the end of its log, COGPLAN_STEP_NETWORK, COGPLAN_SECRET_MISSING. */
export async function runStep(context: Context, run: StepRun): Promise<StepResult> {
  const { recipe, sandbox, what } = run;
  const secrets = recipe.secrets.map(({ id, target }) => {
    const content = run.secrets.get(id);
    if (content === undefined) throw missingSecret(id, what);
    return { guest: target, content };
  });
  const root = await openWritableRoot(context, run.below);
  const scratch = await context.store.scratch('step');
  try {
    // A container engine makes /proc its own.
    const binds = sandbox.kind === 'bubblewrap' ? await writeKernelFiles(scratch.path, run.surroundings) : [];
    const started = context.now().getTime() / 1000;
    const result = await runInRoot(context, {
      sandbox,
      root: root.path,
      writableRoot: true,
      argv: ['/bin/sh', '-c', `umask 022; ${run.network?.prefix ?? ''}exec /bin/sh -c "$1"`, 'sh', recipe.command],
      cwd: recipe.cwd,
      env: { ...recipe.env, ...run.network?.env },
      // What lines before put below /tmp, such as a tree to build, is there.
      binds: [...binds, ...(await ownTemporary(root.path)), ...(run.binds ?? []), ...(run.network?.binds ?? [])],
      secrets,
      network: 'none',
      oneCpu: run.surroundings.oneProcessor,
    });
    const refused = run.network?.refused() ?? [];
    if (result.code !== 0 || refused.length > 0) throw failed(run, result, refused);
    const tars = await Promise.all(run.below.map(({ diffId }) => context.store.verified(diffId, undefined, what)));
    const entries = stepEntries({
      root: root.path,
      changes: root.changes(),
      below: tars,
      mounted: [...recipe.secrets.map(({ target }) => target), ...(run.network?.binds ?? []).map(({ guest }) => guest)],
      cacheTag: recipe.cacheTag,
      origin: what,
    });
    const ended = context.now().getTime() / 1000;
    return { entries, started, ended, dispose: root.dispose };
  } catch (error) {
    await root.dispose();
    throw error;
  } finally {
    await scratch.dispose();
  }
}

async function ownTemporary(root: string): Promise<readonly Bind[]> {
  const host = join(root, 'tmp');
  await mkdir(host, { recursive: true });
  return [{ host, guest: '/tmp', writable: true }];
}

async function writeKernelFiles(directory: string, surroundings: Surroundings): Promise<readonly Bind[]> {
  await mkdir(directory, { recursive: true });
  return Promise.all(
    Object.entries(kernelFiles(surroundings)).map(async ([guest, text]) => {
      const host = join(directory, basename(guest));
      await writeFile(host, text);
      return { host, guest, writable: false };
    }),
  );
}

function failed(
  run: StepRun,
  { code, log }: { readonly code: number; readonly log: string },
  refused: readonly string[],
): CogplanError {
  const tail = redactSecrets(log, run.secrets).trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  const isNetwork = refused.length > 0 || NO_NETWORK.test(tail);
  const problem =
    refused.length > 0 ? `asks for what cannot be recorded: ${refused.join('; ')}` : `ended with code ${code}`;
  const hint =
    refused.length > 0
      ? refused.some((text) => text.includes('git-upload-pack'))
        ? 'git asks by POST, which is not recorded. Let a line of build.run be `git clone URL DIR` alone: cogplan fetches the tree by its commit, and the step finds it there.'
        : 'Only GET requests by HTTP and HTTPS are recorded. Fetch the file by a line of its own, or put it into the project.'
      : !isNetwork
        ? whatIsMissing(tail)
        : run.recipe.network === 'recorded'
          ? 'A recorded step reaches HTTP and HTTPS by the proxy named in HTTPS_PROXY, and nothing else: no other sockets.'
          : 'Steps have no network. Fetch the file by a line of its own (curl -o FILE URL), or record what the step gets: network: recorded in cogplan.yaml.';
  return new CogplanError(
    isNetwork ? 'COGPLAN_STEP_NETWORK' : 'COGPLAN_STEP_FAILED',
    `${run.what} ${problem}${tail === '' ? '' : `\n${tail}`}`,
    { subject: run.what, hint, data: { code, refused: [...refused] } },
  );
}

function whatIsMissing(log: string): string {
  const missing = findMissing(log);
  if (missing === undefined) return 'The lines above are the end of what it printed.';
  const { what, packages } = missing;
  return packages.length > 0
    ? `It needs ${what}: add ${packages.join(' and ')} to build.system_packages.`
    : `It needs ${what}: add the Debian package that has it to build.system_packages, or the Python package to build.python_packages.`;
}

function missingSecret(id: string, what: string): CogplanError {
  return new CogplanError('COGPLAN_SECRET_MISSING', `${what} needs the secret ${id}`, {
    subject: id,
    hint: `Give it: --secret id=${id},src=FILE or --secret id=${id},env=NAME.`,
  });
}

import { type Applied, applyLock } from '../apply/apply.ts';
import { openSandbox } from '../apply/sandbox/open-sandbox.ts';
import type { Context } from '../context.ts';
import { CogplanError } from '../errors.ts';
import { staleKeys } from '../plan/check.ts';
import { bundledSdk } from '../sources/bundled-runtime.ts';
import { readSpec } from '../spec/read-spec.ts';
import { forPlatform } from './foreign-platform.ts';
import { requireLockFile, writeLockFile } from './project-lock.ts';
import { platformOf } from './session.ts';

export interface ApplyProjectOptions {
  readonly platform?: string;
  readonly sandbox?: 'bubblewrap' | 'docker';
  /** Commander's form of `--no-bytecode`. */
  readonly bytecode?: boolean;
  /** Refuse a project that names no model before anything is built. */
  readonly toRun?: boolean;
}

/** Applies a project's lock and writes new seals into it. A lock that is out of step with cog.yaml is refused. */
export async function applyProject(
  context: Context,
  directory: string,
  options: ApplyProjectOptions,
): Promise<Applied> {
  const spec = await readSpec(directory);
  const lock = await requireLockFile(directory);
  if (options.toRun && spec.predict === undefined) {
    throw new CogplanError('COGPLAN_SPEC_REQUIRED', `${spec.file} names no model to run`, {
      subject: 'run',
      where: { file: spec.file, key: 'run' },
      hint: 'Add it: run: "predict.py:Predictor"',
    });
  }
  const stale = staleKeys(lock, { spec, sdk: bundledSdk() })[0];
  if (stale !== undefined) {
    throw new CogplanError(
      'COGPLAN_LOCK_STALE',
      `cogplan.lock was made for another ${stale.key} (family ${stale.family})`,
      {
        subject: stale.key,
        where: { file: spec.file, key: stale.key },
        hint: 'Run `cogplan lock` to bring it in step, or `cogplan lock --check` to see every difference.',
      },
    );
  }
  const platform = platformOf(options);
  const applied = await forPlatform(platform, () =>
    applyLock(context, {
      lock,
      platform,
      projectDirectory: directory,
      bytecode: options.bytecode ?? true,
      openSandbox: () => openSandbox(context, { tools: lock.tools, kind: options.sandbox }),
    }),
  );
  if (applied.newSeals.length > 0) {
    const target = lock.targets[platform];
    if (target !== undefined) {
      await writeLockFile(directory, {
        ...lock,
        targets: { ...lock.targets, [platform]: { ...target, seals: applied.seals } },
      });
    }
  }
  return applied;
}

import { type Applied, applyLock } from '../apply/apply.ts';
import { checkModel } from '../apply/check-model.ts';
import { openSandbox } from '../apply/sandbox/open-sandbox.ts';
import type { Context } from '../context.ts';
import { CogplanError } from '../errors.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { staleKeys } from '../plan/check.ts';
import { atItsPlace } from '../plan/python/index-places.ts';
import { withIndexCredentials } from '../plan/python/with-index-credentials.ts';
import { bundledSdk } from '../sources/bundled-runtime.ts';
import { openProjectPython, type ProjectPython } from '../spec/project-python.ts';
import type { Spec } from '../spec/spec.ts';
import { forPlatform } from './foreign-platform.ts';
import { requireLockFile, writeLockFile } from './project-lock.ts';
import { readUnlockedSpec } from './project-spec.ts';
import { platformOf } from './session.ts';

export interface ApplyProjectOptions {
  readonly platform?: string;
  readonly sandbox?: 'bubblewrap' | 'docker';
  /** Commander's form of `--no-bytecode`. */
  readonly bytecode?: boolean;
}

/** A project whose lock is in step with it. */
export interface ApplicableProject {
  readonly directory: string;
  readonly spec: Spec;
  readonly lock: Lock;
  readonly python: ProjectPython;
}

/** Reads a project to apply it. What the image is `for` must be named in cog.yaml. Fails before anything is built or fetched. */
export async function readApplicable(directory: string, purpose?: 'predict' | 'train'): Promise<ApplicableProject> {
  const spec = await readUnlockedSpec(directory, undefined);
  const lock = await requireLockFile(directory);
  if (purpose !== undefined && spec[purpose] === undefined) {
    const key = purpose === 'train' ? 'train' : 'run';
    throw new CogplanError('COGPLAN_SPEC_REQUIRED', `${spec.file} names no model to ${key}`, {
      subject: key,
      where: { file: spec.file, key },
      hint: purpose === 'train' ? 'Add it: train: "train.py:train"' : 'Add it: run: "predict.py:Predictor"',
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
  return { directory, spec, lock, python: await openProjectPython(directory) };
}

/**
 * Applies a project's lock and writes new seals into it. A model that no server would take is refused before anything is fetched or built.
 */
export async function applyProject(
  context: Context,
  { directory, spec, lock, python }: ApplicableProject,
  options: ApplyProjectOptions,
): Promise<Applied> {
  const platform = platformOf(options);
  const image = lock.targets[platform]?.image;
  const labels = image === undefined ? {} : await checkModel(context, { image, python });
  const applied = await forPlatform(platform, () =>
    applyLock(withIndexCredentials(context, spec), {
      lock,
      platform,
      projectDirectory: directory,
      labels,
      bytecode: options.bytecode ?? true,
      openSandbox: () => openSandbox(context, { tools: lock.tools, kind: options.sandbox }),
    }).catch((error: unknown) => {
      throw atItsPlace(error, spec);
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

import type { Applied } from '../apply/apply.ts';
import { compareBytes } from '../canonical.ts';
import type { Context } from '../context.ts';
import { CogplanError } from '../errors.ts';
import type { Platform } from '../lock/platform.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { type ApplicableProject, type ApplyProjectOptions, applyProject } from './apply-project.ts';
import { platformOf } from './session.ts';

const PLATFORMS: readonly string[] = ['linux/amd64', 'linux/arm64'] satisfies readonly Platform[];

/** The platforms of `--platform`: one, several between commas, or `all` that the lock has; absent: this machine's. COGPLAN_USAGE. */
export function platformsOf(text: string | undefined, lock: Lock): readonly [Platform, ...Platform[]] {
  if (text === undefined) return [platformOf({})];
  const names = text === 'all' ? Object.keys(lock.targets) : text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !PLATFORMS.includes(name));
  const [first, ...rest] = [...new Set(names)].sort(compareBytes) as Platform[];
  if (wrong === undefined && first !== undefined) return [first, ...rest];
  throw new CogplanError('COGPLAN_USAGE', `--platform ${text} names no platform that images are made for`, {
    subject: text,
    hint: `Name ${PLATFORMS.join(' or ')}, both with a comma between them, or all that the lock has.`,
  });
}

/** Applies a project for each platform; each image carries the lock with the seals of all. */
export async function applyPlatforms(
  context: Context,
  project: ApplicableProject,
  options: ApplyProjectOptions & { readonly platforms: readonly [Platform, ...Platform[]] },
): Promise<readonly [Applied, ...Applied[]]> {
  const [first, ...rest] = options.platforms;
  const one = await applyProject(context, project, { ...options, platform: first });
  const images: [Applied, ...Applied[]] = [one];
  let lock = one.lock ?? project.lock;
  for (const platform of rest) {
    const applied = await applyProject(context, { ...project, lock }, { ...options, platform });
    images.push(applied);
    lock = applied.lock ?? lock;
  }
  const [head, ...tail] = images;
  return [{ ...head, lock }, ...tail.map((applied) => ({ ...applied, lock }))];
}

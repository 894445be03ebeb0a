import { CogplanError } from '../errors.ts';
import type { Platform } from '../lock/platform.ts';
import { platformOf } from './session.ts';

/** Failures of programs of the image: not to start, and to end early. */
const RUNNING: ReadonlySet<string> = new Set(['COGPLAN_BYTECODE_FAILED', 'COGPLAN_SANDBOX_FAILED']);

/** Does `work` for a platform, and where this machine could not run the platform's programs, says that in place of how they failed. */
export async function forPlatform<T>(
  platform: Platform,
  work: () => Promise<T>,
  processor: string = process.arch,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CogplanError) || !RUNNING.has(error.code)) throw error;
    const host = platformOf({}, processor);
    if (host === platform) throw error;
    throw new CogplanError(
      'COGPLAN_PLATFORM_UNSUPPORTED',
      `the interpreter for ${platform}, which compiles bytecode, does not run on this machine (${host})`,
      {
        subject: platform,
        hint: `Apply with --no-bytecode, or on a ${platform} machine; an image sealed with bytecode is audited there.`,
        cause: error,
      },
    );
  }
}

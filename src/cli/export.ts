import { basename, resolve } from 'node:path';
import { CogplanError } from '../errors.ts';
import { exportCycloneDx } from '../lock/exports/cyclonedx.ts';
import type { ExportInput } from '../lock/exports/export-input.ts';
import { exportPylock } from '../lock/exports/pylock.ts';
import { exportRequirements } from '../lock/exports/requirements.ts';
import { exportSpdx } from '../lock/exports/spdx.ts';
import type { Platform } from '../lock/platform.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { requireLockFile } from './project-lock.ts';
import { replaceFile } from './replace-file.ts';
import { type CommonOptions, print, printJson, projectDirectory } from './session.ts';

type Format = 'pylock' | 'requirements' | 'cyclonedx' | 'spdx';

interface ExportOptions extends CommonOptions {
  readonly format: Format;
  readonly platform?: string;
  readonly output?: string;
}

const FORMATS: Readonly<Record<ExportOptions['format'], (input: ExportInput) => string>> = {
  pylock: exportPylock,
  requirements: exportRequirements,
  cyclonedx: exportCycloneDx,
  spdx: exportSpdx,
};

/** `cogplan export`: a lock in another program's words; needs nothing but the lock. */
export async function exportVerb(argument: readonly string[], options: ExportOptions): Promise<number> {
  const directory = projectDirectory(argument);
  const lock = await requireLockFile(directory);
  const platform = platformOf(lock, options.platform);
  const target = lock.targets[platform];
  if (target === undefined) throw notLocked(platform, lock);
  const text = FORMATS[options.format]({ lock, platform, target, name: basename(directory) });
  if (options.output === undefined) {
    if (options.json) printJson({ format: options.format, platform, text });
    else process.stdout.write(text);
    return 0;
  }
  const path = resolve(options.output);
  await replaceFile(path, text);
  if (options.json) printJson({ format: options.format, platform, path });
  else if (options.quiet !== true) print(`Wrote ${path}.`);
  return 0;
}

function platformOf(lock: Lock, asked: string | undefined): Platform {
  const locked = Object.keys(lock.targets);
  const [only] = locked;
  if (asked === undefined && locked.length > 1) {
    throw new CogplanError('COGPLAN_USAGE', `the lock holds ${locked.join(' and ')}`, {
      hint: 'Name one with --platform.',
    });
  }
  return (asked ?? only) as Platform;
}

function notLocked(platform: string, lock: Lock): CogplanError {
  return new CogplanError('COGPLAN_PLATFORM_NOT_LOCKED', `the lock holds no target for ${platform}`, {
    subject: platform,
    hint: `Locked: ${Object.keys(lock.targets).join(', ')}. Lock another with \`cogplan lock --platform\`.`,
  });
}

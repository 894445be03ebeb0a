import { posix } from 'node:path';
import type { Platform } from '../../lock/platform.ts';
import { onPlatform } from '../../spec/run/on-platform.ts';
import { ARCHITECTURE, MACHINE } from '../../spec/run/run-reading.ts';
import { pgetProgram, pgetRelease } from './pget-releases.ts';

/** An address as it is asked for a platform. */
export interface PlatformAddress {
  readonly url: string;
  /** The file is named for another processor than the image's. */
  readonly foreign?: { readonly processor: string; readonly remedy?: string };
}

const NAMES: Readonly<Record<Platform, RegExp>> = {
  'linux/amd64': /(?:^|[^a-z0-9])(x86[_-]64|amd64|x64|linux64)(?:[^a-z0-9]|$)/i,
  'linux/arm64': /(?:^|[^a-z0-9])(aarch64|arm64|armv8)(?:[^a-z0-9]|$)/i,
};

/**
 * The address on a platform: what the shell asks of the machine is filled in, by the names that the release has where they are known. One that is written for another processor
 * is left as it is, and told.
 */
export function addressOn(text: string, platform: Platform): PlatformAddress {
  const url = onPlatform(text, platform);
  const release = pgetRelease(url);
  const asks = text.includes(MACHINE) || text.includes(ARCHITECTURE);
  if (asks) {
    const program = release === undefined ? undefined : pgetProgram(release.version, platform);
    const isNamed = release === undefined || program?.toLowerCase() === release.program.toLowerCase();
    return { url: isNamed || program === undefined ? url : `${release.folder}/${program}` };
  }
  const foreign =
    foreignProcessor(url, platform) ??
    (release?.program === 'pget' && platform !== 'linux/amd64' ? 'amd64' : undefined);
  if (foreign === undefined) return { url };
  const program = release === undefined ? undefined : pgetProgram(release.version, platform);
  const remedy = release !== undefined && program !== undefined ? `${release.folder}/${program}` : undefined;
  return { url, foreign: { processor: foreign, ...(remedy === undefined ? {} : { remedy }) } };
}

function foreignProcessor(url: string, platform: Platform): string | undefined {
  const name = posix.basename(url.replace(/[?#].*$/, ''));
  if (NAMES[platform].test(name)) return undefined;
  const other = platform === 'linux/amd64' ? 'linux/arm64' : 'linux/amd64';
  return NAMES[other].exec(name)?.[1];
}

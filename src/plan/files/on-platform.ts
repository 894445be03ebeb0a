import type { Platform } from '../../lock/platform.ts';
import { ARCHITECTURE, MACHINE } from '../../spec/run/run-reading.ts';

const MACHINES: Readonly<Record<Platform, string>> = { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64' };

/** An address with what `uname -m` and `dpkg --print-architecture` print on the target. */
export function onPlatform(text: string, platform: Platform): string {
  return text
    .replaceAll(MACHINE, MACHINES[platform])
    .replaceAll(ARCHITECTURE, platform.slice(platform.indexOf('/') + 1));
}

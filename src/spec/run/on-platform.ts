import { ARCHITECTURE, MACHINE, type RunPlatform } from './run-reading.ts';

const MACHINES: Readonly<Record<RunPlatform, string>> = { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64' };

/** A text with what `uname -m` and `dpkg --print-architecture` print on the target. */
export function onPlatform(text: string, platform: RunPlatform): string {
  return text
    .replaceAll(MACHINE, MACHINES[platform])
    .replaceAll(ARCHITECTURE, platform.slice(platform.indexOf('/') + 1));
}

export function hasPlaceholder(text: string): boolean {
  return text.includes(MACHINE) || text.includes(ARCHITECTURE);
}

/** Thrown where what a command comes to depends on the processor: it is read once for each. */
export class NeedsPlatform extends Error {}

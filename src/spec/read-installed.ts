import type { Reading } from './fields.ts';
import { joinRequirements } from './join-requirements.ts';
import { readRequirements } from './read-requirements.ts';
import type { InstalledRequirement } from './run/run-reading.ts';
import type { Requirements } from './spec.ts';

/** What the commands of `build.run` install, as requirements; `pip install --no-deps` marks its own. */
export async function readInstalled(
  reading: Reading,
  installed: readonly InstalledRequirement[],
): Promise<Requirements> {
  const [alone, others] = [true, false].map((wanted) => installed.filter(({ noDeps = false }) => noDeps === wanted));
  const read = await readRequirements(reading.directory, { kind: 'entries', entries: others ?? [] }, reading);
  if (alone === undefined || alone.length === 0) return read;
  const entries = await readRequirements(reading.directory, { kind: 'entries', entries: alone }, reading);
  return joinRequirements(read, withoutDeps(entries));
}

/** The same lines, each without what it asks for. */
export function withoutDeps(requirements: Requirements): Requirements {
  return { ...requirements, requirements: requirements.requirements.map((line) => ({ ...line, noDeps: true })) };
}

import { expect, it } from 'vitest';
import type { EngineEvent } from '../../events.ts';
import type { PackageRecord } from '../../formats/debian/package-record.ts';
import { tellLeavingNames } from './leaving-names.ts';

function told(names: readonly string[], suite: string, existing: readonly string[]): readonly string[] {
  const events: EngineEvent[] = [];
  tellLeavingNames(
    { notify: (event) => void events.push(event), ask: async () => '' },
    {
      asked: names.map((name, index) => ({ name, where: { file: 'cog.yaml', line: index + 4 } })),
      universe: { named: (name) => (existing.includes(name) ? [{ name } as PackageRecord] : []) },
      suite,
    },
  );
  return events.map((event) => (event.kind === 'message' ? event.text : event.kind));
}

it('a name that the next release dropped is told with its line and with what takes its place', () => {
  expect(told(['ffmpeg', 'libgl1-mesa-glx'], 'bookworm', ['ffmpeg', 'libgl1-mesa-glx', 'libgl1'])).toEqual([
    'cog.yaml:5: libgl1-mesa-glx is gone after Debian bookworm; write libgl1, which takes its place and is in bookworm as well',
  ]);
});

it('nothing is told of a name whose place is taken by something that this release does not have', () => {
  expect(told(['libavcodec59'], 'bookworm', ['libavcodec59'])).toEqual([]);
});

it('nothing is told of names that stay, nor in the last release', () => {
  expect(told(['libgl1', 'ffmpeg', 'constructor'], 'bookworm', ['libgl1', 'ffmpeg'])).toEqual([]);
  expect(told(['libgl1-mesa-glx'], 'forky', ['libgl1-mesa-glx', 'libgl1'])).toEqual([]);
});

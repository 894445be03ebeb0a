import { info, warn } from '../events.ts';
import { addFile, addWeights } from '../spec/add-to-project.ts';
import { adoptFetches, surroundingsOf } from '../spec/adopt-fetches.ts';
import { openProjectPython } from '../spec/project-python.ts';
import { unpinnedFetches } from '../spec/unpinned-fetches.ts';
import { changeSettings } from './change-settings.ts';
import { readUnlockedSpec } from './project-spec.ts';
import type { Session } from './session.ts';

/**
 * Adds to cogplan.yaml what the model fetches when it runs, where that can be told from its code, and says of the rest why not. Returns what puts the
 * file back as it was.
 */
export async function adoptWeights(
  { host }: Pick<Session, 'host'>,
  directory: string,
  file: string | undefined,
): Promise<() => Promise<void>> {
  const spec = await readUnlockedSpec(directory, file);
  const fetches = unpinnedFetches(spec, await openProjectPython(directory));
  const adoptions = adoptFetches(fetches, surroundingsOf(spec));
  const restore = await changeSettings(directory, (before) => {
    let text = before;
    for (const adoption of adoptions) {
      const [first] = adoption.fetches;
      const at = first === undefined ? '' : `${first.file}:${first.line}: ${first.call}`;
      if (adoption.kind === 'known') continue;
      if (adoption.kind === 'none') {
        warn(host, 'lock.not-adopted', `${at}: cannot be adopted: ${adoption.why}`);
      } else if (adoption.kind === 'weights') {
        text = addWeights(text, adoption.weights);
        const note = adoption.note === undefined ? '' : `; ${adoption.note}`;
        info(host, 'lock.adopted', `${at}: ${adoption.weights.source} goes to ${adoption.weights.target}${note}`);
      } else {
        text = addFile(text, adoption.file);
        const note = adoption.note === undefined ? '' : `; ${adoption.note}`;
        info(host, 'lock.adopted', `${at}: ${adoption.file.url} goes to ${adoption.file.path}${note}`);
      }
    }
    return text;
  });
  return restore ?? (async () => {});
}

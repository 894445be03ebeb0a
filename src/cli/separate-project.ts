import { setSeparateWeights } from '../spec/add-to-project.ts';
import { changeSettings } from './change-settings.ts';
import { resolveProject } from './make-plan.ts';
import { writeLockFile } from './project-lock.ts';
import type { Session } from './session.ts';

/**
 * Sets in cogplan.yaml that large files of the project have layers of their own, and locks that. False when it is set already. The settings are as
 * they were when the project cannot be locked so.
 */
export async function separateProject({ context }: Pick<Session, 'context'>, directory: string): Promise<boolean> {
  const restore = await changeSettings(directory, setSeparateWeights);
  if (restore === undefined) return false;
  try {
    const { lock } = await resolveProject(context, directory, {});
    await writeLockFile(directory, lock);
    return true;
  } catch (error) {
    await restore();
    throw error;
  }
}

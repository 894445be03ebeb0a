import type { Context } from '../../context.ts';
import { CogplanError, withoutUserInfo } from '../../errors.ts';
import { readProjectFile } from '../../spec/project-file.ts';
import type { Spec } from '../../spec/spec.ts';
import type { ArchiveSource } from './archive-sources.ts';

const MAX_KEY = 1024 * 1024;

/** The archives that `archives` in cogplan.yaml names, one source per component. Their keys go to the store. */
export async function namedArchives(
  context: Context,
  { directory, settings }: Pick<Spec, 'directory' | 'settings'>,
): Promise<readonly ArchiveSource[]> {
  const sources: ArchiveSource[] = [];
  for (const [index, archive] of (settings.values.archives ?? []).entries()) {
    const where = settings.where(['archives', index, 'key']);
    const problem = { code: 'COGPLAN_ARCHIVE_KEY', where } as const;
    const { path, bytes } = await readProjectFile(directory, archive.key, { maxBytes: MAX_KEY, problem });
    const { readTrustedKeys } = await import('../../sources/apt/read-keys.ts');
    const keys = await readTrustedKeys(bytes, path);
    const { sha256, size } = await context.store.put(bytes);
    const flat = archive.suite.endsWith('/');
    if (flat && archive.components !== undefined) {
      throw new CogplanError('COGPLAN_SETTINGS_INVALID', `${archive.url}: a flat archive has no components`, {
        where: settings.where(['archives', index, 'components']),
        hint: 'Leave components out, or give a suite without a slash at its end.',
      });
    }
    for (const component of flat ? [''] : (archive.components ?? ['main'])) {
      sources.push({
        url: withoutUserInfo(archive.url).replace(/\/+$/, ''),
        suite: archive.suite,
        component,
        keys,
        key: { url: `project:${path}`, sha256, size },
        ...(archive.packages === undefined ? {} : { packages: archive.packages }),
      });
    }
  }
  return sources;
}

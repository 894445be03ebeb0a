import type { Change } from '../../plan/diff/schema.generated.ts';

/** The page that tells people of a release, where the registry has one for each; undefined elsewhere. */
export function releasePage({
  family,
  subject,
  to,
  from,
}: Pick<Change, 'family' | 'subject' | 'to' | 'from'>): string | undefined {
  const side = to ?? from;
  if (side?.url === undefined || (family !== 'python' && family !== 'runtime')) return undefined;
  if (!/^https:\/\/files\.pythonhosted\.org\//.test(side.url)) return undefined;
  return `https://pypi.org/project/${encodeURIComponent(subject)}/${encodeURIComponent(side.value)}/`;
}

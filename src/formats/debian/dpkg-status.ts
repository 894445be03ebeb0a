import { parseControl } from './control.ts';
import { type PackageFacts, readPackageFacts } from './package-record.ts';

/**
 * The installed packages of a dpkg database (`/var/lib/dpkg/status`, or the texts of `status.d` joined by blank lines), sorted
 * as they stand. Packages that are removed, half installed or of another architecture are left out: nothing can be built on
 * them. COGPLAN_CONTROL_INVALID names `what`.
 */
export function readDpkgStatus(text: string, architecture: string, what: string): readonly PackageFacts[] {
  return parseControl(text, what).flatMap((paragraph) => {
    // Files of status.d have no Status: what is there is installed.
    const status = paragraph.get('status') ?? 'install ok installed';
    const own = paragraph.get('architecture') ?? '';
    if (!/^\S+ ok installed$/.test(status) || (own !== architecture && own !== 'all')) return [];
    return [readPackageFacts(paragraph, architecture, what)];
  });
}

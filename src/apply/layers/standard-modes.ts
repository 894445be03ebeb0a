const MODES: Readonly<Record<string, number>> = { root: 0o700, tmp: 0o1777, 'var/tmp': 0o1777 };

/** The mode of a directory that a layer has to repeat because something lies in it: Debian's base-files for the few that differ from 0755. */
export function standardMode(path: string): number {
  return MODES[path] ?? 0o755;
}

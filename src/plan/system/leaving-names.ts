import { type Host, warn } from '../../events.ts';
import type { AskedPackage } from '../../spec/system-packages.ts';
import { renamedAfter } from '../tables/debian-renames.ts';
import type { DebianUniverse } from './universe.ts';

/**
 * Tells of names that the next releases of Debian no longer have, where what takes their place is there already: whoever writes that name now
 * has nothing to do when the project moves to another Python.
 */
export function tellLeavingNames(
  host: Host,
  {
    asked,
    universe,
    suite,
  }: {
    readonly asked: readonly Pick<AskedPackage, 'name' | 'where'>[];
    readonly universe: Pick<DebianUniverse, 'named'>;
    readonly suite: string;
  },
): void {
  for (const { name, where } of asked) {
    const [replacement] = renamedAfter(name, suite);
    if (replacement === undefined || universe.named(replacement).length === 0) continue;
    const place = where.line === undefined ? '' : `${where.file}:${where.line}: `;
    warn(
      host,
      'apt.leaving',
      `${place}${name} is gone after Debian ${suite}; write ${replacement}, which takes its place and is in ${suite} as well`,
      { name, replacement },
    );
  }
}

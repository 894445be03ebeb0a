import type { PlannedLayer } from './plan-layers.ts';
import { recipeKey } from './recipe.ts';

export interface SealedPackages {
  /** Names of the debs that the configuration layer left unpacked. */
  readonly sealed: readonly string[];
  readonly architecture: string;
}

/**
 * The layer that dpkg leaves when it configures packages whose scripts are not understood, on the tree with all packages: a
 * step without network. Some write random numbers or times (key stores, format files), so what it leaves once is sealed.
 */
export function sealedConfiguration(
  below: readonly PlannedLayer[],
  { sealed, architecture }: SealedPackages,
): PlannedLayer {
  return {
    layer: 'configuration/sealed',
    family: 'system',
    recipe: {
      kind: 'step',
      assembler: 1,
      architecture,
      below: below.map(({ recipe }) => recipeKey(recipe)),
      command: configureCommand(sealed, architecture),
      cwd: '/',
      env: { DEBIAN_FRONTEND: 'noninteractive', DEBCONF_NONINTERACTIVE_SEEN: 'true' },
      network: 'none',
      secrets: [],
      fetched: [],
      cacheTag: 'none',
    },
    step: { what: `configuring ${sealed.join(', ')}`, accepted: true, once: true },
  };
}

/**
 * dpkg runs what it would have run after unpacking: `preinst` first, which it cannot run any more, then everything that is
 * unpacked, then the triggers that those packages are interested in, for files of packages that were configured without
 * running anything. No service starts (Debian Policy, 9.3.3.1).
 */
function configureCommand(sealed: readonly string[], architecture: string): string {
  return `set -e
policy=/usr/sbin/policy-rc.d
test -e $policy || { printf '#!/bin/sh\\nexit 101\\n' > $policy; chmod 755 $policy; made=1; }
for name in ${sealed.join(' ')}; do
  for script in /var/lib/dpkg/info/$name.preinst /var/lib/dpkg/info/$name:${architecture}.preinst; do
    test ! -x "$script" || env DPKG_MAINTSCRIPT_PACKAGE=$name DPKG_MAINTSCRIPT_ARCH=${architecture} \
      DPKG_MAINTSCRIPT_NAME=preinst DPKG_ROOT= DPKG_ADMINDIR=/var/lib/dpkg "$script" install
  done
done
dpkg --force-confold --configure -a
for name in ${sealed.join(' ')}; do
  for file in /var/lib/dpkg/info/$name.triggers /var/lib/dpkg/info/$name:${architecture}.triggers; do
    test ! -e "$file" || for trigger in $(sed -n 's/^[[:space:]]*interest[a-z-]*[[:space:]]*//p' "$file"); do
      dpkg-trigger --by-package=dpkg --no-await "$trigger"
    done
  done
done
dpkg --triggers-only --pending
test -z "$made" || rm -f $policy
rm -f /var/lib/dpkg/*-old /var/lib/dpkg/lock /var/lib/dpkg/lock-frontend /var/lib/dpkg/triggers/Lock
`;
}

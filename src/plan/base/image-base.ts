import { type ImageReference, parseReference } from '../../sources/oci/reference.ts';
import type { Spec } from '../../spec/spec.ts';

const DEBIAN = /^(?:debian|bullseye|bookworm|trixie|forky|sid)$/;

/** The image that the project's settings name as its base; undefined when the base is composed of Debian packages. */
export function imageBaseOf({ settings }: Pick<Spec, 'settings'>): ImageReference | undefined {
  const base = settings.values.base?.trim();
  return base === undefined || DEBIAN.test(base) ? undefined : parseReference(base);
}

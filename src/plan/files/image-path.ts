import type { Target } from '../../lock/schema.generated.ts';

const SITE_PACKAGES = /^(?:\/root\/\.pyenv\/versions\/[^/]+|\/usr\/local)\/lib\/(python3\.\d+)\/site-packages(?=\/|$)/;

/**
 * Where a path of Cog's own images lies in this one: their interpreters keep packages in `site-packages` of pyenv or of /usr/local, Debian's keeps what is installed beside its own
 * packages in `dist-packages`.
 */
export function imagePath(path: string, { provider }: Pick<Target['interpreter'], 'provider'>): string {
  return provider === 'debian' ? path.replace(SITE_PACKAGES, '/usr/local/lib/$1/dist-packages') : path;
}

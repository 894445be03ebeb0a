import { exactVersion } from '../accelerator/choose-build.ts';
import { type AcceleratorTable, compareNumbers, publicVersion } from '../accelerator/table.ts';
import type { Root } from './roots.ts';

export interface JaxPage {
  /** The requirement that needs it. */
  readonly root: Root;
  /** A page of links to wheels. */
  readonly url: string;
  /** Why, in a sentence. */
  readonly text: string;
}

/** The pages that JAX's own wheels lie on which a project asks for and PyPI has not: builds for CUDA, and those that have left it. */
export function jaxPages(roots: readonly Root[], table: AcceleratorTable): readonly JaxPage[] {
  const found = roots.flatMap((root) => {
    const page = pageFor(root, table);
    return page === undefined ? [] : [page];
  });
  return found.filter(({ url }, index) => found.findIndex((item) => item.url === url) === index);
}

function pageFor(root: Root, table: AcceleratorTable): JaxPage | undefined {
  const version = exactVersion(root);
  if (version === undefined) return undefined;
  const row = table.jax.find((item) => item.version === publicVersion(version));
  if (root.name === 'jaxlib') {
    if (/\+cuda\d/.test(version))
      return {
        root,
        url: table.jaxPages.cuda,
        text: `PyPI has no builds of jaxlib for CUDA: JAX keeps them on a page of its own`,
      };
    // Releases before there were rows for them are as old.
    const first = table.jax[0]?.version ?? '';
    const isGone = row === undefined ? compareNumbers(publicVersion(version), first) < 0 : row.pythons.length === 0;
    return isGone
      ? { root, url: table.jaxPages.cpu, text: `jaxlib ${version} has left PyPI: JAX keeps it on a page of its own` }
      : undefined;
  }
  if (root.name !== 'jax') return undefined;
  const extras = root.requirement.extras.map((extra) => extra.toLowerCase().replace(/[-_.]+/g, '-'));
  const build = row?.builds.find(
    ({ extra, page }) => page !== undefined && extras.includes(extra.replaceAll('_', '-')),
  );
  if (build?.page !== undefined)
    return {
      root,
      url: table.jaxPages[build.page],
      text: `jax[${build.extra}]==${version} needs a build of jaxlib for CUDA ${build.cuda} that PyPI has not: JAX keeps it on a page of its own`,
    };
  if (
    row === undefined ||
    row.pythons.length > 0 ||
    !extras.some((extra) => extra === 'cpu' || extra === 'minimum-jaxlib')
  )
    return undefined;
  return {
    root,
    url: table.jaxPages.cpu,
    text: `the jaxlib of jax ${version} has left PyPI: JAX keeps it on a page of its own`,
  };
}

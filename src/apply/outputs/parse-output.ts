import { CogplanError } from '../../errors.ts';
import { type ImageReference, parseReference } from '../../sources/oci/reference.ts';

export type Output =
  /** An OCI image layout in a directory. */
  | { readonly kind: 'oci'; readonly path: string }
  /** An OCI image layout in a tar file, which `docker load` takes too. */
  | { readonly kind: 'tar'; readonly path: string }
  /** The Docker Engine, under this name. */
  | { readonly kind: 'docker'; readonly repository: string; readonly tag: string }
  /** A registry, under this name. */
  | { readonly kind: 'registry'; readonly reference: ImageReference };

// https://github.com/distribution/reference/blob/main/reference.go
const DOMAIN =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?';
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^((?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?$`);

/** Reads `oci:PATH`, `tar:PATH`, `docker:NAME[:TAG]` or `registry:[HOST/]NAME[:TAG]`. COGPLAN_OUTPUT_INVALID, COGPLAN_REFERENCE_INVALID. */
export function parseOutput(text: string): Output {
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  if (kind === 'oci' || kind === 'tar') {
    if (rest === '' || rest.includes('\0')) throw invalid(text, `${kind}: wants a path`);
    return { kind, path: rest };
  }
  if (kind === 'docker') {
    const match = NAME.exec(rest);
    const repository = match?.[1];
    if (repository === undefined || repository.length > 255) {
      throw invalid(text, `${JSON.stringify(rest)} is not an image name with an optional tag`);
    }
    return { kind, repository, tag: match?.[2] ?? 'latest' };
  }
  if (kind === 'registry') {
    const reference = parseReference(rest);
    if (reference.digest !== undefined) throw invalid(text, 'a push names a tag: the digest is what it gives');
    return { kind, reference };
  }
  throw invalid(text, `${JSON.stringify(text)} names no kind of output`);
}

function invalid(text: string, problem: string): CogplanError {
  return new CogplanError('COGPLAN_OUTPUT_INVALID', problem, {
    subject: text,
    hint: 'Outputs are oci:PATH, tar:PATH, docker:NAME[:TAG] and registry:[HOST/]NAME[:TAG]; names are lower-case.',
  });
}

import type { Digest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';

/** The name of an image in a registry, completed as Docker completes short names. */
export interface ImageReference {
  /** As people write it, with a port where it has one: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** `library/ubuntu`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

// https://github.com/distribution/reference/blob/main/reference.go
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const DOMAIN = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?`;
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(
  `^(?:(${DOMAIN})/)?(${COMPONENT}(?:/${COMPONENT})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);
const MAX_NAME = 255;

/**
 * Reads `[REGISTRY/]NAME[:TAG][@DIGEST]`. Names without a registry are Docker Hub's, as everywhere: `ubuntu:22.04` is
 * `docker.io/library/ubuntu:22.04`. Without tag and digest, the tag is `latest`. Fails with COGPLAN_REFERENCE_INVALID.
 */
export function parseReference(text: string): ImageReference {
  const { domain, name, tag, digest } = split(text);
  const registry = domain === undefined || domain === 'index.docker.io' ? 'docker.io' : domain;
  const repository = registry === 'docker.io' && !name.includes('/') ? `library/${name}` : name;
  if (registry.length + repository.length + 1 > MAX_NAME) throw invalid(text, `its name is longer than ${MAX_NAME}`);
  return {
    registry,
    repository,
    ...(tag === undefined && digest === undefined ? { tag: 'latest' } : {}),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: digest as Digest }),
  };
}

/** The reference in full; parsing it gives the same again. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  const suffix = `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
  return `${registry}/${repository}${suffix}`;
}

/** Where a blob or manifest lies, as locks name it: `oci://REGISTRY/NAME@sha256:…`. */
export function blobUrl(image: Pick<ImageReference, 'registry' | 'repository'>, digest: Digest): string {
  return `oci://${image.registry}/${image.repository}@${digest}`;
}

/** The parts of an `oci:` URL; undefined for one that is malformed. */
export function parseBlobUrl(url: string): { readonly image: ImageReference; readonly digest: Digest } | undefined {
  if (!url.startsWith('oci://')) return undefined;
  const match = REFERENCE.exec(url.slice('oci://'.length));
  const [, registry, repository, tag, digest] = match ?? [];
  if (registry === undefined || repository === undefined || tag !== undefined || digest === undefined) return undefined;
  return { image: { registry, repository, digest: digest as Digest }, digest: digest as Digest };
}

function split(text: string): {
  readonly domain: string | undefined;
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
} {
  const match = REFERENCE.exec(text);
  if (match === null) throw invalid(text, 'it is no name of an image, with an optional tag and sha256 digest');
  const [, first, rest = '', tag, digest] = match;
  if (first === undefined) return { domain: undefined, name: rest, tag, digest };
  // A first part without dot, port or capital is a part of the name.
  const isRegistry = /[.:[]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  return isRegistry
    ? { domain: first, name: rest, tag, digest }
    : { domain: undefined, name: `${first}/${rest}`, tag, digest };
}

function invalid(text: string, problem: string): CogplanError {
  return new CogplanError('COGPLAN_REFERENCE_INVALID', `${JSON.stringify(text)} names no image: ${problem}`, {
    subject: text,
    hint: 'Write for example nvidia/cuda:12.4.1-base-ubuntu22.04 or registry.example:5000/team/model:1; names are lower-case.',
  });
}

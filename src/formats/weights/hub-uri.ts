/** A repository of the hub at a revision: `owner/name`, or `datasets/owner/name`. */
export interface HubReference {
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

/** Reads `hf://owner/name@ref`; undefined for what is none. The default revision is `main`. */
export function parseHubUri(uri: string): HubReference | undefined {
  const match = /^(?:hf|huggingface):\/\/((?:datasets\/)?[\w.-]+\/[\w.-]+?)(?:@([^@\s]+))?\/?$/.exec(uri);
  const [, repository, revision = 'main'] = match ?? [];
  return repository === undefined ? undefined : { repository, revision };
}

/** What the cache of the Hugging Face libraries calls a repository's directory: `models--owner--name`. */
export function hubCacheName(repository: string): string {
  const [kind, path] = repository.startsWith('datasets/')
    ? ['datasets', repository.slice('datasets/'.length)]
    : ['models', repository];
  return `${kind}--${path.replace('/', '--')}`;
}

/** The HF_HOME that a target ending in `/hub/models--owner--name` lies in; undefined for a cache that the code names itself. */
export function hubHomeOf(target: string): string | undefined {
  return /^(.+)\/hub\/[^/]+$/.exec(target)?.[1];
}

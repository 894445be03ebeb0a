import type { Sha256 } from '../../digest.ts';

/** One file of a project, as an index lists it. */
export interface IndexFile {
  readonly filename: string;
  /** Absolute, without fragment. */
  readonly url: string;
  readonly sha256?: Sha256;
  readonly size?: number;
  readonly requiresPython?: string;
  /** The reason, possibly empty. */
  readonly yanked?: string;
  /** Whether `<url>.metadata` answers, and the sha256 of what it answers when the index tells. */
  readonly metadata?: { readonly sha256?: Sha256 };
  /** RFC 3339. */
  readonly uploadTime?: string;
  /** What the index says of the project as a whole, when that is not `active`. https://peps.python.org/pep-0792/ */
  readonly project?: { readonly status: 'archived' | 'deprecated' | 'quarantined'; readonly reason?: string };
}

/** A status as an index has it; undefined for `active` and for what is none. */
export function readProjectStatus(status: string | undefined, reason: string | undefined): IndexFile['project'] {
  if (status !== 'archived' && status !== 'deprecated' && status !== 'quarantined') return undefined;
  return { status, ...(reason === undefined || reason === '' ? {} : { reason }) };
}

/** A link of a page, resolved; undefined when it leads to something that cannot be fetched. */
export function absoluteUrl(link: string, base: string): string | undefined {
  if (!URL.canParse(link, base)) return undefined;
  const url = new URL(link, base);
  if (!['https:', 'http:', 'file:'].includes(url.protocol)) return undefined;
  url.hash = '';
  url.username = '';
  url.password = '';
  return url.href;
}

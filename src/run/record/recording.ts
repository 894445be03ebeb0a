import type { Sha256 } from '../../digest.ts';

/** A file of a repository of the Hugging Face Hub. */
export interface HubFile {
  /** `owner/name`, or `datasets/owner/name`. */
  readonly repository: string;
  /** As the program asked: branch, tag or commit. */
  readonly revision: string;
  readonly file: string;
  /** The directory that the libraries keep the repository in (`…/models--owner--name`), where there was one. */
  readonly cache?: string;
}

/** Something that a model fetched by GET while it ran. */
export interface RecordedFetch {
  /** As it was asked first, without user info. */
  readonly url: string;
  /** Where redirects led, without its query: a signature may stand there. */
  readonly final?: string;
  /** Absent when only parts of the file were asked for. */
  readonly sha256?: Sha256;
  readonly size?: number;
  /** Where the same bytes lay in the container when the prediction was done, or where the archive was unpacked. */
  readonly path?: string;
  readonly unpacked?: true;
  readonly executable?: true;
  readonly hub?: HubFile;
  /** The request carried credentials, which are not kept. */
  readonly authorized?: true;
  /** By the program `pget`, which the next image can answer for. */
  readonly byPget?: true;
  readonly phase: Phase;
}

export type Phase = 'setup' | 'predict';

/** Something that a model did over the network and that no lock can hold. */
export interface Unpinnable {
  /** `POST https://…`, `a socket to host:port`. */
  readonly what: string;
  readonly why: string;
  /** Place in the model's code, where it is known. */
  readonly where?: string;
}

/** What a model did over the network during one run. */
export interface Recording {
  readonly fetched: readonly RecordedFetch[];
  readonly unpinnable: readonly Unpinnable[];
}

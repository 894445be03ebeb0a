import type { CogplanError } from '../../errors.ts';

/** One object of a listing. */
export interface BucketObject {
  readonly key: string;
  readonly size: number;
  /** Changes whenever the bytes may have changed. */
  readonly version: string;
}

export interface BucketPage {
  readonly objects: readonly BucketObject[];
  /** Where the next page starts; undefined on the last one. */
  readonly next: string | undefined;
}

export interface ListRequest {
  readonly bucket: string;
  readonly prefix: string;
  readonly page: string | undefined;
  /** At most so many objects; default: as many as the host gives. */
  readonly most?: number;
}

/** A request that may be sent as it is: what is secret stands in its headers alone. */
export interface BucketRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A host of buckets. Its requests are made shortly before they are sent: signatures grow old. */
export interface BucketHost {
  list(request: ListRequest): Promise<BucketPage>;
  /** What fetches the bytes of one object. */
  object(bucket: string, key: string): Promise<BucketRequest>;
  /** Another way in after a refusal with this status; false when there is none. */
  retry(status: number): Promise<boolean>;
  /** How credentials are given, for whom was refused. */
  readonly advice: string;
}

/** The reader of a listing cannot use it. */
export type InvalidListing = (reason: string) => CogplanError;

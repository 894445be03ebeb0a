import type { Readable } from 'node:stream';

export interface HttpResponse {
  readonly status: number;
  /** Final URL after redirects, without user info. */
  readonly url: string;
  /** Lower-cased names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface SendOptions {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the body, anew for each try. A stream needs a content-length header, or is sent in chunks. */
  readonly body?: () => Uint8Array | Readable;
  /** Refuse an answer of more than this many bytes. Default 4 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  readonly allowStatus?: readonly number[];
  /** Further tries after the first; 0 where a second try could do harm. */
  readonly retries?: number;
  /** True: COGPLAN_MIRRORS does not apply, as for what is written. */
  readonly direct?: boolean;
}

export interface GetOptions {
  readonly accept?: string;
  /** Refuse more than this many bytes. Default 64 MiB. */
  readonly maxBytes?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Statuses returned rather than thrown, for example 404. */
  readonly allowStatus?: readonly number[];
  /** `revalidate` (default): cached, and checked by ETag or Last-Modified. `immutable`: cached for ever. `none`: not kept. */
  readonly cache?: 'revalidate' | 'immutable' | 'none';
}

/**
 * The one way to the outside. Retries with backoff on resets, 408, 429, 5xx (honours Retry-After); honours
 * HTTPS_PROXY/HTTP_PROXY/NO_PROXY, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS; sends `Accept-Encoding: identity`, but takes
 * gzip for `get` of JSON or HTML. Credentials come from the URL's user info or netrc and go to that host alone.
 * COGPLAN_MIRRORS rewrites URL prefixes on the way out; answers name the URL as if it did not.
 * Errors: COGPLAN_HTTP_STATUS (`data.status`, `data.contentType`), COGPLAN_NETWORK, COGPLAN_OFFLINE, COGPLAN_TOO_LARGE,
 * COGPLAN_URL_UNSUPPORTED, COGPLAN_INTERRUPTED.
 */
export interface HttpClient {
  readonly offline: boolean;
  get(url: string, options?: GetOptions): Promise<HttpResponse>;
  /** Bytes `start` to `end` inclusive; `undefined` when the server does not honour ranges. Negative start: the last bytes. */
  range(
    url: string,
    start: number,
    end?: number,
    options?: { readonly signal?: AbortSignal },
  ): Promise<{ readonly body: Buffer; readonly totalSize: number } | undefined>;
  /** A request of any method. Never cached. Redirects of anything but GET and HEAD are followed when they keep the method. */
  send(url: string, options: SendOptions): Promise<HttpResponse>;
  /** A body as a stream, from byte `offset` on (resume). Never cached. */
  stream(
    url: string,
    options?: {
      readonly offset?: number;
      readonly signal?: AbortSignal;
      readonly headers?: Readonly<Record<string, string>>;
      /** True: COGPLAN_MIRRORS does not apply. */
      readonly direct?: boolean;
    },
  ): Promise<{
    readonly status: number;
    readonly size: number | undefined;
    readonly offset: number;
    /** Every URL that was asked on the way, the first and the final one included. */
    readonly urls: readonly string[];
    readonly body: Readable;
    readonly headers: Readonly<Record<string, string>>;
  }>;
  close(): Promise<void>;
}

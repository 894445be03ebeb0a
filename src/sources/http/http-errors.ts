import { CogplanError } from '../../errors.ts';
import { hubRefusalHint } from './hub-token.ts';

/** Text of a URL that may be printed or recorded: no user info, no fragment. */
export function publicUrl(url: string): string {
  if (!URL.canParse(url)) return url.replace(/\/\/[^/]*@/, '//');
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  parsed.hash = '';
  return parsed.href;
}

/** What to do where a host cannot be reached. */
export const UNREACHABLE_HINT =
  'Check the network connection, and HTTPS_PROXY, HTTP_PROXY and NO_PROXY. Where the host may not be reached, mirrors in cogplan.yaml (or COGPLAN_MIRRORS) name another that has the same.';

export function statusError(url: string, status: number, headers: Readonly<Record<string, string>>): CogplanError {
  const contentType = headers['content-type'];
  return new CogplanError('COGPLAN_HTTP_STATUS', `${url} answered with HTTP status ${status}${describe(contentType)}`, {
    subject: url,
    hint: hubRefusalHint(url, status) ?? STATUS_HINTS[status],
    data: {
      status,
      contentType,
      retryAfter: headers['retry-after'],
      ...(headers['www-authenticate'] === undefined ? {} : { challenge: headers['www-authenticate'] }),
    },
  });
}

export function offlineError(url: string): CogplanError {
  return new CogplanError('COGPLAN_OFFLINE', `${url} is needed, but the network may not be used`, {
    subject: url,
    hint: 'Run the command again without --offline.',
  });
}

export function tooLargeError(url: string, limit: number): CogplanError {
  return new CogplanError('COGPLAN_TOO_LARGE', `${url} sends more than ${limit} bytes`, { subject: url });
}

/** Makes an error of cogplan's out of whatever a request failed with. */
export function networkError(url: string, cause: unknown, signal: AbortSignal | undefined): CogplanError {
  if (cause instanceof CogplanError) return cause;
  if (signal?.aborted)
    return new CogplanError('COGPLAN_INTERRUPTED', `interrupted while asking ${url}`, { subject: url, cause });
  const { code, text } = describeCause(cause);
  return new CogplanError('COGPLAN_NETWORK', `cannot reach ${url}: ${text}`, {
    subject: url,
    hint: hintFor(code),
    cause,
    data: { cause: code },
  });
}

export function causeCode(error: unknown): string {
  return describeCause(error).code;
}

const STATUS_HINTS: Readonly<Record<number, string>> = {
  401: 'The server wants credentials: put them in ~/.netrc, or in the URL of the index.',
  403: 'The server refuses access: check the credentials and the permissions.',
  407: 'The proxy wants credentials: put them in the URL of HTTPS_PROXY.',
  404: 'Nothing lies there: correct the address, or find where it went.',
  410: 'It was removed: correct the address, or find where it went.',
  429: 'The server asks for fewer requests: wait a while and run the command again.',
};

function describe(contentType: string | undefined): string {
  return contentType === undefined ? '' : ` (${contentType})`;
}

/** Follows causes and the members of an AggregateError (all addresses of a host failed) to the first code. */
function describeCause(error: unknown): { readonly code: string; readonly text: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return describeCause(error.errors[0]);
  if (!(error instanceof Error)) return { code: '', text: String(error) };
  const code = (error as NodeJS.ErrnoException).code;
  if (typeof code !== 'string' && error.cause !== undefined) return describeCause(error.cause);
  return { code: typeof code === 'string' ? code : '', text: error.message || String(code) };
}

function hintFor(code: string): string {
  if (/CERT|SSL|TLS|SELF_SIGNED|ISSUER|LEAF_SIGNATURE/.test(code))
    return "The server's certificate is not trusted: name your certificate authority's file in SSL_CERT_FILE.";
  return UNREACHABLE_HINT;
}

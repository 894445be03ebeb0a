import type { Context } from '../../context.ts';
import { isCogplanError } from '../../errors.ts';
import type { SendOptions } from '../http/http-client.ts';
import { credentialProblem } from './credential-problem.ts';

const LARGEST = 256 * 1024;

/** A request to a service that gives credentials. */
export interface ServiceRequest {
  /** Whose credentials are asked for, for messages. */
  readonly subject: string;
  /** What to do when it refuses. */
  readonly hint: string;
  readonly url: string;
  readonly method: SendOptions['method'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly retries?: number | undefined;
}

/** The text of an answer. Errors name whom was asked and with which status, and nothing that was sent. */
export async function askService(
  { http, signal }: Pick<Context, 'http' | 'signal'>,
  { subject, hint, url, method, headers, body, retries }: ServiceRequest,
): Promise<string> {
  try {
    const answer = await http.send(url, {
      method,
      headers,
      direct: true,
      maxBytes: LARGEST,
      signal,
      ...(body === undefined ? {} : { body: () => Buffer.from(body) }),
      ...(retries === undefined ? {} : { retries }),
    });
    return answer.body.toString('utf8');
  } catch (error) {
    if (!isCogplanError(error) || error.code === 'COGPLAN_OFFLINE' || error.code === 'COGPLAN_INTERRUPTED') throw error;
    const status = error.data?.status;
    const why = status === undefined ? 'cannot be reached' : `answers ${String(status)}`;
    throw credentialProblem(subject, `${new URL(url).host} ${why}`, hint, error);
  }
}

/** Undefined for what is not JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

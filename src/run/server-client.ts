import { Client } from 'undici';
import { z } from 'zod';
import type { Json } from '../canonical.ts';
import { CogplanError } from '../errors.ts';

/** A model server, reached through its Unix socket. Its API: `docs/http-api.md`. */
export interface ServerClient {
  /** What `/health-check` says; undefined while nothing answers. */
  health(): Promise<Health | undefined>;
  /** The body of `/openapi.json`. */
  openapi(): Promise<Json>;
  /** Posts a prediction and returns its final state. Refused input fails with COGPLAN_PREDICTION_INPUT. */
  predict(input: Readonly<Record<string, Json>>, signal: AbortSignal): Promise<Prediction>;
  close(): Promise<void>;
}

const HEALTH = z.object({
  status: z.string(),
  setup: z.object({ status: z.string().nullish(), logs: z.string().nullish() }).nullish(),
});
export type Health = z.infer<typeof HEALTH>;

const PREDICTION = z.looseObject({
  status: z.string(),
  output: z.json().optional(),
  error: z.string().nullish(),
  logs: z.string().nullish(),
});
/** A prediction as the server gives it; unknown fields are kept. */
export type Prediction = z.infer<typeof PREDICTION>;

const REFUSED = z.object({
  detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string() })),
});

const HEALTH_TIMEOUT_MS = 1000;

export function openServerClient(socketPath: string): ServerClient {
  // A prediction takes as long as the model takes.
  const client = new Client('http://localhost', { socketPath, headersTimeout: 0, bodyTimeout: 0, maxResponseSize: -1 });

  const getJson = async (path: string, signal?: AbortSignal): Promise<Json> => {
    const { statusCode, body } = await client.request({ method: 'GET', path, ...(signal ? { signal } : {}) });
    const text = await body.text();
    if (statusCode !== 200) throw requestFailed(`GET ${path} was answered with status ${statusCode}`, text);
    return parseJson(text, path);
  };

  return {
    health: async () => {
      try {
        return HEALTH.parse(await getJson('/health-check', AbortSignal.timeout(HEALTH_TIMEOUT_MS)));
      } catch {
        return undefined;
      }
    },
    openapi: () => getJson('/openapi.json'),
    predict: async (input, signal) => {
      const { statusCode, body } = await client.request({
        method: 'POST',
        path: '/predictions',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ input }),
        signal,
      });
      const text = await body.text();
      if (statusCode === 422) throw refusedInput(parseJson(text, '/predictions'));
      const prediction = PREDICTION.safeParse(parseJson(text, '/predictions'));
      if (statusCode === 200 && prediction.success) return prediction.data;
      throw requestFailed(`POST /predictions was answered with status ${statusCode}`, text);
    },
    close: () => client.destroy(),
  };
}

function parseJson(text: string, path: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw requestFailed(`the answer to ${path} is not JSON`, text, error);
  }
}

function refusedInput(body: Json): CogplanError {
  const parsed = REFUSED.safeParse(body);
  const problems = parsed.success
    ? parsed.data.detail.map(
        ({ loc, msg }) => `${loc.filter((part) => part !== 'body' && part !== 'input').join('.')}: ${msg}`,
      )
    : [JSON.stringify(body).slice(0, 500)];
  return new CogplanError('COGPLAN_PREDICTION_INPUT', `the model refuses the input: ${problems.join('; ')}`, {
    hint: 'Inputs are given as -i name=value; the model’s predict() says which there are.',
    data: { problems },
  });
}

function requestFailed(problem: string, text: string, cause?: unknown): CogplanError {
  const excerpt = text.slice(0, 500).trim();
  return new CogplanError('COGPLAN_PREDICTION_REQUEST', excerpt === '' ? problem : `${problem}: ${excerpt}`, { cause });
}

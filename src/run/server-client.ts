import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'undici';
import { z } from 'zod';
import type { Json } from '../canonical.ts';
import { CogplanError } from '../errors.ts';
import type { ModelMode } from '../formats/python/source/openapi.ts';

/** A model server, reached through its Unix socket. Its API: `docs/http-api.md`. */
export interface ServerClient {
  /** What `/health-check` says; undefined while nothing answers. */
  health(): Promise<Health | undefined>;
  /** The body of `/openapi.json`. */
  openapi(): Promise<Json>;
  /**
   * Posts a prediction or training and returns its final state; `watch`, if given, sees its states on the way. Refused input fails with
   * COGPLAN_PREDICTION_INPUT.
   */
  create(request: CreateRequest): Promise<Prediction>;
  close(): Promise<void>;
}

const HEALTH = z.object({
  status: z.string(),
  setup: z.object({ status: z.string().nullish(), logs: z.string().nullish() }).nullish(),
});
export type Health = z.infer<typeof HEALTH>;

const PREDICTION = z.looseObject({
  id: z.string().nullish(),
  status: z.string(),
  output: z.json().optional(),
  error: z.string().nullish(),
  logs: z.string().nullish(),
});
/** A prediction as the server gives it; unknown fields are kept. */
export type Prediction = z.infer<typeof PREDICTION>;

const ENDED: ReadonlySet<string> = new Set(['succeeded', 'failed', 'canceled']);

const REFUSED = z.object({
  detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string() })),
});

export interface CreateRequest {
  readonly mode: ModelMode;
  readonly input: Readonly<Record<string, Json>>;
  readonly signal: AbortSignal;
  readonly watch?: ((state: Prediction) => void) | undefined;
}

const HEALTH_TIMEOUT_MS = 1000;
/** How often a running prediction is asked for; the time grows with what it has given. */
const WATCH_MS = 50;
const MOST_WATCH_MS = 1000;

export function openServerClient(socketPath: string): ServerClient {
  // A prediction takes as long as the model takes.
  const client = new Client('http://localhost', { socketPath, headersTimeout: 0, bodyTimeout: 0, maxResponseSize: -1 });

  const getJson = async (path: string, signal?: AbortSignal): Promise<Json> => {
    const { statusCode, body } = await client.request({ method: 'GET', path, ...(signal ? { signal } : {}) });
    const text = await body.text();
    if (statusCode !== 200) throw requestFailed(`GET ${path} was answered with status ${statusCode}`, text);
    return parseJson(text, path);
  };

  const follow = async (path: string, watch: (state: Prediction) => void, signal: AbortSignal): Promise<Prediction> => {
    for (;;) {
      const started = performance.now();
      const state = PREDICTION.parse(await getJson(path, signal));
      watch(state);
      if (ENDED.has(state.status)) return state;
      // A long output costs more to ask for.
      const took = performance.now() - started;
      await delay(Math.min(MOST_WATCH_MS, WATCH_MS + took * 4), undefined, { signal });
    }
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
    create: async ({ mode, input, signal, watch }) => {
      const path = mode === 'train' ? '/trainings' : '/predictions';
      const { statusCode, body } = await client.request({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json', ...(watch === undefined ? {} : { prefer: 'respond-async' }) },
        body: JSON.stringify({ input }),
        signal,
      });
      const text = await body.text();
      if (statusCode === 422) throw refusedInput(parseJson(text, path));
      const prediction = PREDICTION.safeParse(parseJson(text, path));
      if (!prediction.success || (statusCode !== 200 && statusCode !== 202)) {
        throw requestFailed(`POST ${path} was answered with status ${statusCode}`, text);
      }
      return watch === undefined ? prediction.data : follow(`${path}/${prediction.data.id}`, watch, signal);
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

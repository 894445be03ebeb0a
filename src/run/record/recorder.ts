import { pipeline } from 'node:stream/promises';
import type { Bind } from '../../apply/sandbox/sandbox.ts';
import { type GuestRequest, isLoopback, openGuestProxy } from '../../apply/steps/guest-proxy.ts';
import { redactSecrets } from '../../apply/steps/redact-secrets.ts';
import type { Context } from '../../context.ts';
import { createPassThrough, type PassedAnswer } from '../../sources/http/pass-through.ts';
import { findPlaces, type Written } from './find-places.ts';
import { type ReceivedBody, receivedBody } from './received-body.ts';
import type { Phase, Recording, Unpinnable } from './recording.ts';
import { settle } from './settle.ts';
import { watchSockets } from './watch-sockets.ts';

/** What was seen of one address. */
export interface Seen {
  readonly url: string;
  readonly phase: Phase;
  status: number;
  /** Where it redirects to. */
  redirect?: string;
  /** A GET was answered with the file, or with a part of it. */
  got: boolean;
  authorized: boolean;
  /** It was asked for by pget, as its requests say. */
  byPget: boolean;
  /** The hub's own header, which names the commit. */
  isHub: boolean;
  readonly body: ReceivedBody;
}

export interface RecorderInput {
  /** Variables that the caller gave to the model: their secret-looking values must not stand in an address that is kept. */
  readonly env: Readonly<Record<string, string>>;
  /** Addresses given as inputs: the model is meant to fetch those anew each time. */
  readonly inputs: ReadonlySet<string>;
}

/** The network of one run, everything that passes it written down. */
export interface Recorder {
  readonly binds: readonly Bind[];
  env(image: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  readonly prefix: string;
  enter(phase: Phase): void;
  /** What was seen, with the places that it ended in; call it while the container's files are still there. */
  finish(written: readonly Written[]): Promise<Recording>;
  close(): Promise<void>;
}

/** Libraries that would go past HTTP, or fetch in a way that names no file. */
const PLAIN_HTTP = { HF_HUB_DISABLE_XET: '1', HF_HUB_ENABLE_HF_TRANSFER: '0' };

/** Lets a sandbox without a network do what it wants by HTTP and HTTPS, and keeps what each address gave. */
export async function openRecorder(context: Context, input: RecorderInput): Promise<Recorder> {
  const scratch = await context.store.scratch('record');
  const outside = createPassThrough(context.env);
  const seen = new Map<string, Seen>();
  const unpinnable: Unpinnable[] = [];
  const secrets = secretsOf(input.env);
  let phase: Phase = 'setup';

  const answer = async ({ request, response, url }: GuestRequest): Promise<void> => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { method = 'GET' } = request;
    const reads = method === 'GET' || method === 'HEAD';
    if (reads) request.resume();
    let passed: PassedAnswer;
    try {
      passed = await outside.send({
        method,
        url,
        headers: request.headers,
        body: reads ? undefined : request,
        signal: AbortSignal.any([context.signal, gone.signal]),
      });
    } catch (error) {
      if (gone.signal.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      // A model that waits for a server of its own asks before that one listens.
      if (!isLoopback(url) || (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED')
        unpinnable.push({ what: `${method} ${redactSecrets(url, secrets)}`, why: `it failed: ${why}` });
      response.writeHead(502, { 'content-type': 'text/plain', connection: 'close' }).end(`${why}\n`);
      return;
    }
    const kept = reads ? note(seen, { url, phase, method, passed, directory: scratch.path }) : undefined;
    if (kept !== undefined && request.headers.authorization !== undefined) kept.authorized = true;
    if (kept !== undefined && method === 'GET') kept.byPget = /^pget\//.test(request.headers['user-agent'] ?? '');
    if (!reads) {
      const why = 'only what is read by GET can be locked';
      unpinnable.push({ what: `${method} ${redactSecrets(withoutQuery(url), secrets)}`, why });
    }
    response.writeHead(passed.status, passed.headers);
    await pipeline(method === 'GET' && kept?.got === true ? keeping(passed, kept.body) : passed.body, response).catch(
      () => {},
    );
  };

  try {
    const proxy = await openGuestProxy(context, {
      answer,
      onOdd: (text) => unpinnable.push({ what: redactSecrets(text, secrets), why: 'it cannot be recorded' }),
    });
    const sockets = await watchSockets(scratch.path);
    return {
      binds: [...proxy.binds, ...sockets.binds],
      env: (image) => ({ ...PLAIN_HTTP, ...proxy.env, ...sockets.env(image) }),
      prefix: proxy.prefix,
      enter: (next) => {
        phase = next;
      },
      finish: async (written) => {
        const places = await findPlaces(written);
        const settled = await settle([...seen.values()], {
          places,
          scratch: scratch.path,
          inputs: input.inputs,
          hubHosts: hubHosts([input.env, context.env]),
          isSecret: (url) => redactSecrets(url, secrets) !== url,
        });
        return {
          fetched: settled.fetched,
          unpinnable: distinct([...unpinnable, ...settled.unpinnable, ...(await sockets.found())]),
        };
      },
      close: async () => {
        await proxy.close();
        await outside.close();
        for (const { body } of seen.values()) await body.close();
        await scratch.dispose();
      },
    };
  } catch (error) {
    await scratch.dispose();
    throw error;
  }
}

interface Noted {
  readonly url: string;
  readonly phase: Phase;
  readonly method: string;
  readonly passed: PassedAnswer;
  readonly directory: string;
}

function note(seen: Map<string, Seen>, { url, phase, method, passed, directory }: Noted): Seen {
  const { status, headers } = passed;
  const known = seen.get(url) ?? {
    url,
    phase,
    status,
    got: false,
    authorized: false,
    byPget: false,
    isHub: false,
    body: receivedBody(directory),
  };
  seen.set(url, known);
  if (status < 400) known.status = status;
  if (headers['x-repo-commit'] !== undefined) known.isHub = true;
  const { location } = headers;
  if (status >= 300 && status < 400 && typeof location === 'string' && URL.canParse(location, url)) {
    const target = new URL(location, url);
    target.hash = '';
    known.redirect = target.href;
  }
  if (method === 'GET' && (status === 200 || status === 206)) known.got = true;
  return known;
}

/** The bytes on their way, each kept at its place in the file. */
async function* keeping({ status, headers, body }: PassedAnswer, kept: ReceivedBody): AsyncGenerator<Uint8Array> {
  const range = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(String(headers['content-range'] ?? ''));
  const isWhole = status === 200;
  let offset = isWhole ? 0 : Number(range?.[1] ?? Number.NaN);
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (isWhole && !Number.isNaN(length)) kept.setSize(length);
  if (!isWhole && range !== null) kept.setSize(Number(range[2]));
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (!Number.isNaN(offset)) {
      await kept.write(offset, chunk);
      offset += chunk.length;
    }
    yield chunk;
  }
  if (isWhole) kept.setSize(offset);
}

function secretsOf(env: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> {
  const named = Object.entries(env).filter(([name]) => /TOKEN|KEY|SECRET|PASSWORD|CREDENTIAL/i.test(name));
  return new Map(named.map(([name, value]) => [name, Buffer.from(value, 'utf8')]));
}

function hubHosts(environments: readonly Readonly<Record<string, string | undefined>>[]): ReadonlySet<string> {
  const endpoints = environments.flatMap(({ HF_ENDPOINT }) => (HF_ENDPOINT ? [HF_ENDPOINT] : []));
  const hosts = endpoints.flatMap((url) => (URL.canParse(url) ? [new URL(url).host] : []));
  return new Set(['huggingface.co', 'hf.co', ...hosts]);
}

function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '');
}

function distinct(items: readonly Unpinnable[]): readonly Unpinnable[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

// Loads one server and prints what came of it as JSON. Its argument is the task; every answer is checked.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';

/** Milliseconds. */
const LONGEST_WAIT = 20_000;

const task = JSON.parse(process.argv[2]);
const dispatcher = new Agent({ connections: 128, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
const tasks = { closed, paced, health, time, stream, webhook };
process.stdout.write(`${JSON.stringify(await tasks[task.kind](task))}\n`);
await dispatcher.close();

async function post({ base, path = '/predictions', input, headers = {}, more = {} }) {
  const { statusCode, body } = await request(base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(input === undefined ? more : { input, ...more }),
    dispatcher,
  });
  return { statusCode, text: await body.text() };
}

/** The same, again while the server says that it is busy with what it has answered already; `started` is the last try's time. */
async function postWhenFree(what) {
  for (;;) {
    const started = performance.now();
    const answer = await post(what);
    if (answer.statusCode !== 409) return { started, ...answer };
    await delay(1);
  }
}

/** Good answers per second with so many clients that ask without a pause. */
async function closed({ base, path, input, output, clients, seconds, plain }) {
  let good = 0;
  let busy = 0;
  let bad = 0;
  const ask = async () => {
    const { statusCode, text } = await post({ base, path, input, ...(plain ? { input: undefined, more: input } : {}) });
    if (statusCode === 409) busy++;
    else if (statusCode === 200 && JSON.stringify(JSON.parse(text).output) === JSON.stringify(output)) good++;
    else bad++;
  };
  const until = async (end) => {
    while (performance.now() < end) await ask();
  };
  await Promise.all(Array.from({ length: clients }, () => until(performance.now() + 1000)));
  [good, busy, bad] = [0, 0, 0];
  const started = performance.now();
  await Promise.all(Array.from({ length: clients }, () => until(started + seconds * 1000)));
  return { rate: good / ((performance.now() - started) / 1000), busy, bad };
}

/** Median latency at a fixed rate, by the clock: a late answer does not delay the next question. In milliseconds. */
async function paced({ base, path, input, output, rate, seconds, plain }) {
  const latencies = [];
  let bad = 0;
  const ask = async (planned, keep) => {
    const { statusCode, text } = await post({ base, path, input, ...(plain ? { input: undefined, more: input } : {}) });
    // Who is still busy with the one before says so, at once: that is no latency.
    if (statusCode === 409) return;
    if (statusCode !== 200 || JSON.stringify(JSON.parse(text).output) !== JSON.stringify(output)) bad++;
    if (keep) latencies.push(performance.now() - planned);
  };
  const pending = [];
  const started = performance.now();
  const warm = rate;
  for (let index = 0; index < warm + rate * seconds; index++) {
    const planned = started + (index * 1000) / rate;
    const wait = planned - performance.now();
    if (wait > 0) await delay(wait);
    pending.push(ask(performance.now(), index >= warm));
  }
  await Promise.all(pending);
  return { median: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), bad };
}

/** p99 of the health check while a prediction computes, in milliseconds. */
async function health({ base, input, seconds }) {
  const prediction = post({ base, input });
  await delay(300);
  const latencies = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const started = performance.now();
    const { statusCode, body } = await request(`${base}/health-check`, { dispatcher });
    await body.text();
    if (statusCode !== 200) throw new Error(`health-check gave ${statusCode}`);
    latencies.push(performance.now() - started);
    await delay(10);
  }
  await prediction;
  return { p99: quantile(latencies, 0.99) };
}

/** Median time of whole requests, one after the other, in milliseconds. */
async function time({ base, input, count, least }) {
  const times = [];
  for (let index = 0; index < count + 1; index++) {
    const { started, statusCode, text } = await postWhenFree({ base, input });
    if (statusCode !== 200 || text.length < least) throw new Error(`${statusCode}: ${text.slice(0, 300)}`);
    if (index > 0) times.push(performance.now() - started);
  }
  return { median: quantile(times, 0.5) };
}

/** Median time of a whole event stream, in milliseconds. */
async function stream({ base, input, count, pieces }) {
  const times = [];
  for (let index = 0; index < count + 1; index++) {
    const { started, statusCode, text } = await postWhenFree({
      base,
      input,
      headers: { accept: 'text/event-stream' },
    });
    const events = text.split('event: output').length - 1;
    if (statusCode !== 200 || events !== pieces) throw new Error(`${statusCode}: ${events} of ${pieces} events`);
    if (index > 0) times.push(performance.now() - started);
  }
  return { median: quantile(times, 0.5) };
}

/** How long after the end of a prediction the next one is taken, when nobody hears the first one's webhook; in milliseconds. */
async function webhook({ base, input, receiver }) {
  const { statusCode, text } = await post({
    base,
    input,
    headers: { prefer: 'respond-async' },
    more: { webhook: receiver, webhook_events_filter: ['completed'] },
  });
  // The webhook of the run before still holds the server.
  if (statusCode === 409) return { after: LONGEST_WAIT };
  if (statusCode !== 202) throw new Error(`${statusCode}: ${text.slice(0, 300)}`);
  const ended = performance.now() + input.seconds * 1000;
  for (;;) {
    const next = await post({ base, input: { ...input, seconds: 0 } });
    if (next.statusCode === 200) return { after: Math.max(0, performance.now() - ended) };
    if (performance.now() - ended > LONGEST_WAIT) return { after: LONGEST_WAIT };
    await delay(1);
  }
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { interleave } from './lib/measure.mjs';
import { load, memoryOf, serverEnvironments, startServer } from './lib/model-servers.mjs';

const MODELS = `
import os, time, asyncio
from typing import Iterator
from cog import BasePredictor, Input, Path

class Trivial(BasePredictor):
    def predict(self, text: str = Input(max_length=10000000), number: int = Input(default=1, ge=0, le=10)) -> str:
        return text + "!" * number

class Async(BasePredictor):
    async def predict(self, text: str) -> str:
        await asyncio.sleep(0.02)
        return text

class Tokens(BasePredictor):
    def predict(self, count: int = 1000) -> Iterator[str]:
        for index in range(count):
            yield "token "

class Large(BasePredictor):
    def predict(self, megabytes: int = 5, file: bool = False) -> str:
        return "x" * (megabytes << 20)

class LargeFile(BasePredictor):
    def predict(self, megabytes: int = 8) -> Path:
        path = "/tmp/cogplan-bench-%d.bin" % os.getpid()
        with open(path, "wb") as file:
            file.write(os.urandom(1 << 20) * megabytes)
        return Path(path)

class Busy(BasePredictor):
    def predict(self, seconds: float = 1) -> int:
        end = time.time() + seconds
        count = 0
        while time.time() < end:
            count += 1
        return 1
`;

const STREAMED = `
from typing import Iterator
from cog import BasePredictor, streaming

class Tokens(BasePredictor):
    @streaming
    def predict(self, count: int = 1000) -> Iterator[str]:
        for index in range(count):
            yield "token "
`;

const COGLET = '0.23.1';
const OLD = '0.9.9';
const HOW =
  'The server has one core and the load the other; every answer is checked; logs at warning level. cogplan runs with a queue of 64, cog answers 409 when busy, which is not a good answer.';

/** The server beside coglet, the Cog of 2024 and a bare uvicorn application. */
export const measurement = {
  name: 'runtime',
  async run({ workspace, runs, log }) {
    const { ours, cogs, bare } = await serverEnvironments(workspace, [COGLET, OLD]);
    const [coglet, old] = cogs;
    const project = join(workspace.directory, 'projects/runtime');
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, 'models.py'), MODELS);
    writeFileSync(join(project, 'streamed.py'), STREAMED);

    /** Runs a measure on a server of each contender, in turn, and gives each one's samples. */
    const race = async (what, contenders, { model, file = 'models.py', concurrency, measure }) => {
      const predict = `${file}:${model}`;
      const servers = [];
      // Old Cogs read there which model it is.
      writeFileSync(join(project, 'cog.yaml'), `build:\n  python_version: "3.11"\npredict: "${predict}"\n`);
      try {
        for (const contender of contenders) {
          const server = await startServer(contender, { project, predict, concurrency });
          servers.push({ contender, server });
          if (contender === ours) await leaveSchema(server, project);
        }
        const samples = await interleave(
          servers.map(({ contender, server }) => ({
            key: contender.name,
            measure: () => measure(server, contender),
          })),
          { runs, log: (line) => log(`${what}:${line}`) },
        );
        return contenders.map(({ name }) => samples.get(name));
      } finally {
        for (const { server } of servers) await server.stop();
      }
    };

    const input = { text: 'hello' };
    const output = 'hello!';
    const [pacedOurs, pacedCoglet, pacedOld, pacedBare] = await race('paced', [ours, coglet, old, bare], {
      model: 'Trivial',
      measure: async ({ base }, { bare: plain }) => {
        const { median, bad } = await load({ kind: 'paced', base, input, output, rate: 50, seconds: 4, plain });
        if (bad > 0) throw new Error(`${bad} bad answers`);
        return median;
      },
    });
    const closed = (clients) => ({
      model: 'Trivial',
      measure: async ({ base }, { bare: plain }) => {
        const { rate, bad } = await load({ kind: 'closed', base, input, output, clients, seconds: 3, plain });
        if (bad > 0) throw new Error(`${bad} bad answers`);
        return rate;
      },
    });
    const [oneOurs, oneCoglet, oneOld, oneBare] = await race('one client', [ours, coglet, old, bare], closed(1));
    const [manyOurs, manyCoglet] = await race('16 clients', [ours, coglet], closed(16));
    const [asyncOurs, asyncCoglet] = await race('async', [ours, coglet], {
      model: 'Async',
      concurrency: 32,
      measure: async ({ base }) =>
        (await load({ kind: 'closed', base, input, output: 'hello', clients: 32, seconds: 3 })).rate,
    });
    const [healthOurs, healthCoglet] = await race('health', [ours, coglet], {
      model: 'Busy',
      measure: async ({ base }) => (await load({ kind: 'health', base, input: { seconds: 4 }, seconds: 3 })).p99,
    });
    const timed = (model, task) => ({
      model,
      measure: async ({ base }) => (await load({ kind: 'time', base, count: 5, ...task })).median,
    });
    const [tokensOurs, tokensCoglet] = await race(
      '1000 tokens',
      [ours, coglet],
      timed('Tokens', { input: { count: 1000 }, least: 8000 }),
    );
    const [sseOurs, sseCoglet] = await race('1000 events', [ours, coglet], {
      file: 'streamed.py',
      model: 'Tokens',
      measure: async ({ base }) =>
        (await load({ kind: 'stream', base, input: { count: 1000 }, count: 5, pieces: 1000 })).median,
    });
    const [textOurs, textCoglet] = await race(
      '5 MiB of text',
      [ours, coglet],
      timed('Large', { input: { megabytes: 5 }, least: 5 << 20 }),
    );
    const [fileOurs, fileCoglet] = await race(
      'a file of 8 MiB',
      [ours, coglet],
      timed('LargeFile', { input: { megabytes: 8 }, least: 8 << 20 }),
    );
    const memory = [ours, coglet];
    const [memoryOurs, memoryCoglet] = await race('memory', memory, {
      model: 'Trivial',
      measure: async ({ base, pid }) => {
        await load({ kind: 'time', base, input, count: 20, least: 1 });
        return memoryOf(pid);
      },
    });
    const [startOurs, startCoglet] = await startTimes({ contenders: [ours, coglet], project, runs, log });
    const [hookOurs, hookOld] = await deafWebhook({ contenders: [ours, old], race });

    return [
      row('runtime-paced', 'one prediction of a trivial model, 50 a second, median', 'ms', [pacedOurs, pacedCoglet], {
        bar: { kind: 'ours/peer', most: 0.8 },
      }),
      row('runtime-paced-old', 'the same', 'ms', [pacedOurs, pacedOld], {
        peerName: `cog ${OLD}`,
        bar: { kind: 'ours/peer', most: 0.8 },
      }),
      row('runtime-paced-bare', 'the same beside an application that only answers', 'ms', [pacedOurs, pacedBare], {
        peerName: 'uvicorn alone',
        bar: { kind: 'ours/peer', most: 4 },
      }),
      row('runtime-one-client', 'good answers a second, one client', '/s', [oneOurs, oneCoglet], {
        bar: { kind: 'ours/peer', least: 2.5 },
      }),
      row('runtime-one-client-old', 'the same', '/s', [oneOurs, oneOld], {
        peerName: `cog ${OLD}`,
        bar: { kind: 'ours/peer', least: 2.5 },
      }),
      row('runtime-one-client-bare', 'the same beside an application that only answers', '/s', [oneOurs, oneBare], {
        peerName: 'uvicorn alone',
        bar: { kind: 'ours/peer', least: 0.25 },
      }),
      row('runtime-16-clients', 'good answers a second, 16 clients', '/s', [manyOurs, manyCoglet], {
        bar: { kind: 'ours/peer', least: 6 },
      }),
      row(
        'runtime-async',
        'answers a second of an async model that waits 20 ms, 32 places',
        '/s',
        [asyncOurs, asyncCoglet],
        {
          bar: { kind: 'ours/peer', least: 1.25 },
        },
      ),
      row('runtime-health', 'health check while a prediction computes, p99', 'ms', [healthOurs, healthCoglet], {
        bar: { kind: 'ours', most: 5, unit: 'ms' },
      }),
      row('runtime-tokens', '1,000 pieces of output as one answer', 'ms', [tokensOurs, tokensCoglet], {
        bar: { kind: 'ours/peer', most: 0.15 },
      }),
      row('runtime-events', '1,000 pieces of output as events', 'ms', [sseOurs, sseCoglet], {
        bar: { kind: 'ours/peer', most: 0.3 },
      }),
      row('runtime-text', '5 MiB of text as output', 'ms', [textOurs, textCoglet], {
        bar: { kind: 'ours/peer', most: 1 },
      }),
      row('runtime-file', 'a file of 8 MiB as output', 'ms', [fileOurs, fileCoglet], {
        bar: { kind: 'ours/peer', most: 1 },
      }),
      row('runtime-start', 'from start to ready', 's', [startOurs, startCoglet], {
        bar: { kind: 'ours/peer', most: 0.65 },
      }),
      row('runtime-memory', 'proportional memory of all processes', 'MiB', [memoryOurs, memoryCoglet], {
        bar: { kind: 'ours/peer', most: 0.65 },
      }),
      row('runtime-webhook', 'next prediction taken after one whose webhook nobody hears', 'ms', [hookOurs, hookOld], {
        peerName: `cog ${OLD}`,
        bar: { kind: 'ours', most: 10, unit: 'ms' },
      }),
    ];
  },
};

function row(id, what, unit, [ours, peer], { peerName = `coglet ${COGLET}`, bar }) {
  return { id, what: `server: ${what}`, unit, ours, peer, peerName, bar, how: HOW };
}

/** coglet takes no inputs but those of the schema that Cog's build leaves in the project. */
async function leaveSchema({ base }, project) {
  const schema = await (await fetch(`${base}/openapi.json`)).text();
  mkdirSync(join(project, '.cog'), { recursive: true });
  writeFileSync(join(project, '.cog/openapi_schema.json'), schema);
}

async function startTimes({ contenders, project, runs, log }) {
  const samples = await interleave(
    contenders.map((contender) => ({
      key: contender.name,
      measure: async () => {
        const server = await startServer(contender, { project, predict: 'models.py:Trivial' });
        await server.stop();
        return server.seconds;
      },
    })),
    { runs, log: (line) => log(`start:${line}`) },
  );
  return contenders.map(({ name }) => samples.get(name));
}

/** A receiver that takes connections and never answers. */
async function deafWebhook({ contenders, race }) {
  const deaf = createServer(() => {});
  await new Promise((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  const receiver = `http://127.0.0.1:${deaf.address().port}/hook`;
  try {
    return await race('webhook', contenders, {
      model: 'Busy',
      measure: async ({ base }) => (await load({ kind: 'webhook', base, input: { seconds: 0.5 }, receiver })).after,
    });
  } finally {
    deaf.close();
    deaf.unref();
  }
}

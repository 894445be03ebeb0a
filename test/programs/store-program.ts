// Run as a process of its own by the store's tests: `node store-program.mjs <root> <verb> <arguments…>`.
import { appendFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asSha256, sha256 } from '../../src/digest.ts';
import { openStore } from '../../src/store/open-store.ts';

const [, , root = '', verb = '', ...rest] = process.argv;
const store = await openStore(root);
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

switch (verb) {
  case 'put': {
    const size = Number(rest[0]);
    const { sha256: hash } = await store.put(Buffer.alloc(size, 7));
    say(hash);
    break;
  }
  case 'count': {
    // Reads and writes without any other protection: lost updates show two owners at a time.
    const [file = '', rounds = '1'] = rest;
    for (let round = 0; round < Number(rounds); round++) {
      await store.exclusive('counter', async () => {
        appendFileSync(file, `enter ${process.pid}\n`);
        await sleep(1);
        appendFileSync(file, `leave ${process.pid}\n`);
      });
    }
    break;
  }
  case 'hold':
    await store.exclusive(rest[0] ?? '', async () => {
      say('held');
      await sleep(60_000);
    });
    break;
  case 'half-write': {
    const writer = await store.writer(rest[0] === undefined ? {} : { resume: asSha256(rest[0]) });
    await writer.write(Buffer.alloc(2 * 1024 * 1024, 7));
    say('written');
    await sleep(60_000);
    break;
  }
  case 'half-derive':
    await store.derivedDirectory('tree', sha256('key'), async (directory) => {
      await writeFile(join(directory, 'half'), 'half');
      say('building');
      await sleep(60_000);
    });
    break;
  case 'lease':
    await store.lease(rest.map(asSha256));
    say('leased');
    await sleep(60_000);
    break;
  default:
    throw new Error(`no such verb: ${verb}`);
}

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A port of 127.0.0.1 for a program that cannot choose one itself. It lies below those that systems hand out (32768 and
 * up on Linux), so nobody is given it between now and the program's start.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const probe = createServer();
    const outcome = Promise.race([once(probe, 'listening').then(() => true), once(probe, 'error').then(() => false)]);
    probe.listen(port, '127.0.0.1');
    if (!(await outcome)) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

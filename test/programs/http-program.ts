// Run as a process of its own by the HTTP client's tests: `node http-program.mjs <cache> <url>` prints the body.
import { createHttpClient } from '../../src/sources/http/undici-client.ts';

const [, , cacheDirectory = '', url = ''] = process.argv;
const client = createHttpClient({
  cacheDirectory,
  env: process.env,
  offline: false,
  userAgent: 'test',
  now: () => new Date(),
  retries: 0,
});
try {
  const { body } = await client.get(url);
  process.stdout.write(`${body}\n`);
} catch (error) {
  const { code, message, hint } = error as { code: string; message: string; hint: string };
  process.stdout.write(`${code}: ${message} ${hint}\n`);
  process.exitCode = 1;
} finally {
  await client.close();
}

import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Makes a script that plain Node runs out of a TypeScript file, for tests that need further processes. It lies inside
 * the project, so that packages are found, and goes when this process ends.
 */
export async function bundleProgram(source: string): Promise<string> {
  const name = `${basename(source, '.ts')}-${createHash('sha256').update(`${source}${process.pid}`).digest('hex').slice(0, 8)}.mjs`;
  const file = join(PROJECT, 'node_modules', '.cache', 'cogplan-programs', name);
  await build({
    input: source,
    platform: 'node',
    external: /^[^./]/,
    logLevel: 'silent',
    output: { file, format: 'esm', codeSplitting: false },
  });
  process.once('exit', () => rmSync(file, { force: true }));
  return file;
}

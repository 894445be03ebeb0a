// Compiles src/ into dist/, with the data files beside the code that reads them, and the runtime wheel.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildRuntimeWheel } from './build-runtime-wheel.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')],
  { stdio: 'inherit' },
);
for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || /\.tsx?$/.test(entry.name)) continue;
  const source = join(entry.parentPath, entry.name);
  cpSync(source, join(dist, source.slice(join(root, 'src').length)));
}
chmodSync(join(dist, 'cli/main.js'), 0o755);
await buildRuntimeWheel({ root, output: join(dist, 'runtime') });

// Compiles src/ into dist/, with the data files beside the code that reads them, bundles the program, and builds the runtime wheel.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildRuntimeWheel } from './build-runtime-wheel.mjs';
import { bundle } from './bundle.mjs';

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
writeFileSync(join(dist, 'build-id.txt'), `${buildId()}\n`);
await bundle(dist);
chmodSync(join(dist, 'cli/main.js'), 0o755);
await buildRuntimeWheel({ root, output: join(dist, 'runtime') });

/** Digest of the compiled code and its tables; see src/build-id.ts. */
function buildId() {
  const hash = createHash('sha256');
  const files = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.js(?:on)?$/.test(entry.name))
    .map(({ parentPath, name }) => relative(dist, join(parentPath, name)));
  for (const name of files.sort()) hash.update(`${name}\0`).update(readFileSync(join(dist, name)));
  return hash.digest('hex');
}

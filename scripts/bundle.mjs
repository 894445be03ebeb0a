// Joins the compiled modules of the program, and the libraries it calls most, into few files: Node takes longer to find and open
// three hundred small modules than to run a command that has nothing to do.
import { rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';

const SHEBANG = '#!/usr/bin/env node\n';

/** Modules that Node starts by their path, each with what stands before its code. */
const ENTRIES = { 'cli/main.js': SHEBANG, 'apply/worker.js': '' };

/** Libraries that bring compiled add-ons or a WebAssembly module, or are loaded by a verb or two. */
const APART = ['dockerode', 'ink', 'react', /^react\//];

/** Bundles `dist` into `dist/program`; the entries stay where they are and load their bundle. */
export async function bundle(dist) {
  const program = join(dist, 'program');
  rmSync(program, { recursive: true, force: true });
  const build = await rolldown({
    input: Object.fromEntries(Object.keys(ENTRIES).map((path) => [bundleName(path), join(dist, path)])),
    platform: 'node',
    external: APART,
    plugins: [placeOfModule(dist)],
    logLevel: 'warn',
  });
  await build.write({ dir: program, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
  await build.close();
  for (const [path, start] of Object.entries(ENTRIES)) {
    writeFileSync(join(dist, path), `${start}import '../program/${bundleName(path)}.js';\n`);
  }
}

function bundleName(path) {
  return path.replace('/', '-').replace(/\.js$/, '');
}

/** A module finds the data files beside it by `import.meta.url`, which in a bundle must still be where the module was. */
function placeOfModule(dist) {
  return {
    name: 'place-of-module',
    transform(code, id) {
      if (!id.startsWith(dist) || !code.includes('import.meta.url')) return null;
      const place = `new URL(${JSON.stringify(`../${relative(dist, id)}`)}, import.meta.url).href`;
      return { code: code.replaceAll('import.meta.url', place), map: null };
    },
  };
}

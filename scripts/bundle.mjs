// Joins the compiled modules of the program, and the libraries it calls most, into few files: Node takes longer to find and open
// three hundred small modules than to run a command that has nothing to do. The files are CommonJS, whose compiled code can be kept
// (src/start/load-program.ts).
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';

const SHEBANG = '#!/usr/bin/env node\n';

/** Modules that Node starts by their path, each with what stands before its code. */
const ENTRIES = { 'cli/main.js': SHEBANG, 'apply/worker.js': '' };

const LOADER = 'start/load-program.js';

/** Brings libraries that only an ES module can load: it stays one, apart from the rest. */
const FULL_SCREEN = 'tui/full-screen.js';

/** Libraries that bring compiled add-ons or a WebAssembly module, or are loaded by a verb or two. */
const APART = ['dockerode', 'ink', 'react', /^react\//];

/** Bundles `dist` into `dist/program`; the entries stay where they are and load their bundle. */
export async function bundle(dist) {
  const program = join(dist, 'program');
  rmSync(program, { recursive: true, force: true });
  const common = { platform: 'node', external: APART, logLevel: 'warn' };
  await write(
    {
      ...common,
      input: Object.fromEntries(Object.keys(ENTRIES).map((path) => [bundleName(path), join(dist, path)])),
      plugins: [withoutShebang, imported(dist), placeOfModule(dist)],
    },
    {
      dir: program,
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name]-[hash].cjs',
      dynamicImportInCjs: false,
    },
  );
  const id = digestOf(program);
  await write(
    { ...common, input: { 'full-screen': join(dist, FULL_SCREEN) } },
    { dir: program, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
  );
  await write(
    { ...common, input: { load: join(dist, LOADER) } },
    { dir: program, format: 'cjs', entryFileNames: '[name].cjs' },
  );
  for (const [path, start] of Object.entries(ENTRIES)) {
    const code = [
      "import { createRequire } from 'node:module';",
      "import { fileURLToPath } from 'node:url';",
      '',
      "const directory = fileURLToPath(new URL('../program', import.meta.url));",
      `const program = { directory, entry: '${bundleName(path)}.cjs', id: '${id}' };`,
      "createRequire(import.meta.url)('../program/load.cjs').loadProgram(program);",
      '',
    ].join('\n');
    writeFileSync(join(dist, path), `${start}${code}`);
  }
}

async function write(input, output) {
  const build = await rolldown(input);
  await build.write(output);
  await build.close();
}

function bundleName(path) {
  return path.replace('/', '-').replace(/\.js$/, '');
}

function digestOf(directory) {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory).sort())
    hash.update(`${name}\0`).update(readFileSync(join(directory, name)));
  return hash.digest('hex');
}

/** The loader imports for its files, which cannot do so themselves. */
function imported(dist) {
  return {
    name: 'imported-by-loader',
    transform(code, id) {
      if (id !== join(dist, 'cli/review-plan.js')) return null;
      return { code: code.replace(`import('../${FULL_SCREEN}')`, "importModule('./full-screen.js')"), map: null };
    },
    generateBundle(_, files) {
      for (const { fileName, dynamicImports = [] } of Object.values(files)) {
        const outside = dynamicImports.find((name) => files[name] === undefined && !name.startsWith('node:'));
        if (outside !== undefined)
          throw new Error(`${fileName} imports ${outside}, which is not bundled: give it to importModule`);
      }
    },
  };
}

/** Bundles are functions of the loader, where no line for a shell may stand. */
const withoutShebang = {
  name: 'without-shebang',
  transform: (code) => (code.startsWith('#!') ? { code: `//${code}`, map: null } : null),
};

/** A module finds the data files beside it by `import.meta.url`, which in a bundle must still be where the module was. */
function placeOfModule(dist) {
  return {
    name: 'place-of-module',
    transform(code, id) {
      if (!id.startsWith(dist) || !code.includes('import.meta.url')) return null;
      const place = `require('node:url').pathToFileURL(require('node:path').join(__dirname, ${JSON.stringify(`../${relative(dist, id)}`)})).href`;
      return { code: code.replaceAll('import.meta.url', place), map: null };
    },
  };
}

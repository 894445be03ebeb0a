// Writes the types and the validators of the documents in lockfiles/schema/ beside the code that reads them; `--check` only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { compile } from 'json-schema-to-typescript';

const root = new URL('../', import.meta.url);
const documents = [
  { schema: 'lock', name: 'Lock', folder: 'src/lock' },
  { schema: 'plan', name: 'Plan', folder: 'src/plan/diff' },
  // Written by people, who want to see all that is wrong at once.
  { schema: 'cogplan', name: 'Settings', folder: 'src/spec', allErrors: true, verbose: true },
];

for (const { schema: file, name, folder, allErrors = false, verbose = false } of documents) {
  const schema = ownPart(JSON.parse(await readFile(new URL(`lockfiles/schema/${file}.json`, root), 'utf8')));
  const banner = `// Generated from lockfiles/schema/${file}.json by scripts/generate-lock-types.mjs; do not edit.`;

  const types = await compile(structuredClone(schema), name, {
    bannerComment: banner,
    additionalProperties: false,
    unreachableDefinitions: true,
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 120 },
  });

  const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors, verbose, code: { source: true, esm: true } });
  ajv.addKeyword('tsType');
  const code = standaloneCode(ajv, ajv.compile(schema));
  if (/\brequire\(/.test(code)) throw new Error('the validator needs a run-time module; inline it');
  const validator = `${banner}
// @ts-nocheck
// biome-ignore-all lint: generated
${code}
`;

  await output(new URL(`${folder}/schema.generated.ts`, root), types);
  await output(new URL(`${folder}/validate.generated.ts`, root), validator);
}

/** A schema without what another schema says: such a member is read, and checked, by that document's own reader. */
function ownPart(schema) {
  if (schema === null || typeof schema !== 'object') return schema;
  if (Array.isArray(schema)) return schema.map(ownPart);
  const entries = Object.entries(schema).filter(
    ([key, value]) => !(key === '$ref' && typeof value === 'string' && value.startsWith('https:')),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, ownPart(value)]));
}

async function output(file, text) {
  if (!process.argv.includes('--check')) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    console.error(`${file.pathname} is out of date: run npm run generate`);
    process.exitCode = 1;
  }
}

// Writes src/lock/schema.generated.ts from lockfiles/schema/lock.json; `--check` only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { compile } from 'json-schema-to-typescript';

const schemaFile = new URL('../lockfiles/schema/lock.json', import.meta.url);
const typesFile = new URL('../src/lock/schema.generated.ts', import.meta.url);

const schema = JSON.parse(await readFile(schemaFile, 'utf8'));
const types = await compile(schema, 'Lock', {
  bannerComment: '// Generated from lockfiles/schema/lock.json by scripts/generate-lock-types.mjs; do not edit.',
  additionalProperties: false,
  unreachableDefinitions: true,
  ignoreMinAndMaxItems: true,
  style: { singleQuote: true, printWidth: 120 },
});

if (process.argv.includes('--check')) {
  const present = await readFile(typesFile, 'utf8').catch(() => '');
  if (present !== types) {
    console.error('src/lock/schema.generated.ts is out of date: run npm run generate');
    process.exitCode = 1;
  }
} else {
  await writeFile(typesFile, types);
}

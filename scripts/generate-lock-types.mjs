// Writes src/lock/schema.generated.ts (types) and src/lock/validate.generated.ts (validator) from lockfiles/schema/lock.json;
// `--check` only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { compile } from 'json-schema-to-typescript';

const schema = JSON.parse(await readFile(new URL('../lockfiles/schema/lock.json', import.meta.url), 'utf8'));
const banner = '// Generated from lockfiles/schema/lock.json by scripts/generate-lock-types.mjs; do not edit.';

const types = await compile(structuredClone(schema), 'Lock', {
  bannerComment: banner,
  additionalProperties: false,
  unreachableDefinitions: true,
  ignoreMinAndMaxItems: true,
  style: { singleQuote: true, printWidth: 120 },
});

const ajv = new Ajv2020({ strict: true, strictTypes: false, code: { source: true, esm: true } });
ajv.addKeyword('tsType');
const code = standaloneCode(ajv, ajv.compile(schema));
if (/\brequire\(/.test(code)) throw new Error('the validator needs a run-time module; inline it');
const validator = `${banner}
// @ts-nocheck
// biome-ignore-all lint: generated
${code}
`;

const outputs = [
  [new URL('../src/lock/schema.generated.ts', import.meta.url), types],
  [new URL('../src/lock/validate.generated.ts', import.meta.url), validator],
];
for (const [file, text] of outputs) {
  if (!process.argv.includes('--check')) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    console.error(`${file.pathname} is out of date: run npm run generate`);
    process.exitCode = 1;
  }
}

// wheel-to-layer-program.mjs layer|inflate BLOBS STORE SHA256=FILENAME...   prints seconds
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { inflateRawSync } from 'node:zlib';
import { buildWheelsLayer } from '../../dist/apply/layers/wheels.js';
import { writeLayer } from '../../dist/apply/layers/write-layer.js';
import { readZipDirectory } from '../../dist/formats/archive/zip.js';
import { openStore } from '../../dist/store/open-store.js';

const LOCAL_HEADER = 30;

const [kind, blobs, storeRoot, ...wheels] = process.argv.slice(2);
const inputs = wheels.map((text) => {
  const [sha256, filename] = text.split(/=(.*)/s);
  return { sha256, filename };
});
const work = { layer: writeWheels, inflate: inflateWheels }[kind];
console.log(await work());

async function writeWheels() {
  const store = await openStore(storeRoot);
  const modules = 'usr/local/lib/python3.11/dist-packages';
  const scheme = {
    ...{ purelib: modules, platlib: modules, scripts: 'usr/local/bin', headers: 'usr/local/include/python3.11' },
    ...{ data: 'usr/local', interpreter: '/usr/bin/python3.11' },
  };
  const started = performance.now();
  const recipe = { kind: 'wheels', assembler: 1, scheme, wheels: inputs };
  const environment = { blob: async (sha256) => join(blobs, sha256), warn: () => undefined };
  await writeLayer(await buildWheelsLayer(recipe, environment), store);
  return (performance.now() - started) / 1000;
}

async function inflateWheels() {
  const started = performance.now();
  for (const { sha256 } of inputs) await inflateWheel(join(blobs, sha256));
  return (performance.now() - started) / 1000;
}

async function inflateWheel(path) {
  const file = openSync(path);
  const read = (start, length) => {
    const buffer = Buffer.allocUnsafe(length);
    return buffer.subarray(0, readSync(file, buffer, 0, length, start));
  };
  const members = await readZipDirectory(async (start, length) => read(start, length), fstatSync(file).size);
  for (const { headerOffset, compressedSize, size, method } of members) {
    const header = read(headerOffset, LOCAL_HEADER);
    const offset = headerOffset + LOCAL_HEADER + header.readUInt16LE(26) + header.readUInt16LE(28);
    const compressed = read(offset, compressedSize);
    if (method === 8) inflateRawSync(compressed, { chunkSize: Math.max(64, size + 1) });
  }
  closeSync(file);
}

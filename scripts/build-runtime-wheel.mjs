// Builds the wheel of runtime-python with Node alone. The same sources give the same bytes on every machine: entries are
// stored uncompressed (deflate differs between zlib builds), sorted byte-wise, with one time and one mode.
// https://packaging.python.org/en/latest/specifications/binary-distribution-format/
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import { parse } from 'smol-toml';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Writes `<outputDirectory>/cog-<version>-py3-none-any.whl` and `manifest.json` beside it, in place of earlier ones.
 *
 * @param {{ sourceDirectory?: string, outputDirectory?: string }} [options]
 * @returns {Promise<{ filename: string, version: string, sha256: string, size: number }>} what the manifest holds
 */
export async function buildRuntimeWheel(options = {}) {
  const sourceDirectory = options.sourceDirectory ?? join(root, 'runtime-python');
  const outputDirectory = options.outputDirectory ?? join(root, 'dist', 'runtime');
  const { project } = parse(await readFile(join(sourceDirectory, 'pyproject.toml'), 'utf8'));
  const filename = `${project.name}-${project.version}-py3-none-any.whl`;
  const wheel = zip(await wheelMembers(sourceDirectory, project));
  const manifest = {
    filename,
    version: project.version,
    sha256: createHash('sha256').update(wheel).digest('hex'),
    size: wheel.length,
  };
  await rm(outputDirectory, { recursive: true, force: true });
  await mkdir(outputDirectory, { recursive: true });
  await writeFile(join(outputDirectory, filename), wheel);
  await writeFile(join(outputDirectory, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

async function wheelMembers(sourceDirectory, project) {
  const members = await packageFiles(join(sourceDirectory, 'src'));
  const information = `${project.name}-${project.version}.dist-info`;
  const description = await readFile(join(sourceDirectory, project.readme), 'utf8');
  members.push({ name: `${information}/METADATA`, content: Buffer.from(metadata(project, description)) });
  members.push({
    name: `${information}/WHEEL`,
    content: Buffer.from('Wheel-Version: 1.0\nGenerator: cogplan\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
  });
  members.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const rows = members.map(({ name, content }) => `${name},sha256=${recordHash(content)},${content.length}`);
  const record = `${information}/RECORD`;
  // The specification recommends that the dist-info directory comes last, and RECORD at its end.
  return [...members, { name: record, content: Buffer.from(`${[...rows, `${record},,`].join('\n')}\n`) }];
}

async function packageFiles(directory) {
  const members = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const name = relative(directory, path).split(sep).join('/');
    if (entry.isFile() && /(?:\.py|\.html|\/py\.typed)$/.test(name) && !name.includes('__pycache__')) {
      members.push({ name, content: await readFile(path) });
    }
  }
  return members;
}

// https://packaging.python.org/en/latest/specifications/core-metadata/
function metadata(project, description) {
  const lines = [
    'Metadata-Version: 2.1',
    `Name: ${project.name}`,
    `Version: ${project.version}`,
    `Summary: ${project.description}`,
    `License: ${project.license.text}`,
    ...project.classifiers.map((classifier) => `Classifier: ${classifier}`),
    `Requires-Python: ${project['requires-python']}`,
    ...project.dependencies.map((requirement) => `Requires-Dist: ${requirement}`),
  ];
  for (const [extra, requirements] of Object.entries(project['optional-dependencies'])) {
    lines.push(`Provides-Extra: ${extra}`);
    lines.push(...requirements.map((requirement) => `Requires-Dist: ${requirement}; extra == "${extra}"`));
  }
  return `${lines.join('\n')}\nDescription-Content-Type: text/markdown\n\n${description}`;
}

function recordHash(content) {
  return createHash('sha256').update(content).digest('base64url');
}

// APPNOTE.TXT 4.3: local headers with contents, the central directory, its end record.
function zip(members) {
  const body = [];
  const directory = [];
  let offset = 0;
  for (const { name, content } of members) {
    const fields = entryFields(name, content);
    const local = Buffer.concat([uint32(0x04034b50), fields, Buffer.from(name)]);
    directory.push(uint32(0x02014b50), uint16(0x0314), fields, uint16(0), uint16(0), uint16(0));
    directory.push(uint32(0o100644 * 0x10000), uint32(offset), Buffer.from(name));
    body.push(local, content);
    offset += local.length + content.length;
  }
  const central = Buffer.concat(directory);
  const end = [uint32(0x06054b50), uint16(0), uint16(0), uint16(members.length), uint16(members.length)];
  return Buffer.concat([...body, central, ...end, uint32(central.length), uint32(offset), uint16(0)]);
}

/** What a local header and a central one have in common: version, flags, method, time, crc, sizes, lengths. */
function entryFields(name, content) {
  const utf8 = 0x0800;
  const firstOfJanuary1980 = 0x0021;
  return Buffer.concat([
    ...[20, utf8, 0, 0, firstOfJanuary1980].map(uint16),
    ...[crc32(content), content.length, content.length].map(uint32),
    ...[Buffer.byteLength(name), 0].map(uint16),
  ]);
}

function uint16(value) {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16LE(value);
  return buffer;
}

function uint32(value) {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { filename, sha256, size } = await buildRuntimeWheel();
  console.log(`${filename} ${size} bytes sha256:${sha256}`);
}

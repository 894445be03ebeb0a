import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import type { Tool } from '../../lock/schema.generated.ts';
import { fetchArtifacts } from '../fetch-artifacts.ts';

const MAX_BINARY_SIZE = 256 * 1024 * 1024;
const OPERATING_SYSTEMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin' };
const PROCESSORS: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Path of the uv executable for this host: taken out of its wheel once, and kept in the store. `tools` are the builds of
 * the one version to use; a host for which there is none is COGPLAN_HOST_UNSUPPORTED.
 */
export async function uvExecutable(context: Context, tools: readonly Tool[]): Promise<string> {
  const host = `${OPERATING_SYSTEMS[process.platform]}/${PROCESSORS[process.arch]}`;
  const tool = tools.find((item) => item.host === host);
  if (tool === undefined) {
    throw new CogplanError('COGPLAN_HOST_UNSUPPORTED', `uv has no build for ${process.platform} on ${process.arch}`, {
      subject: 'uv',
      hint: `Lock on one of ${tools.map((item) => item.host).join(', ')}.`,
    });
  }
  const directory = await context.store.derivedDirectory('uv', tool.file.sha256, (path) =>
    extract(context, tool, path),
  );
  return join(directory, 'uv');
}

async function extract(context: Context, tool: Tool, directory: string): Promise<void> {
  const what = `uv ${tool.version} (${tool.host})`;
  await fetchArtifacts(context, [{ file: tool.file, what }]);
  const { readZipDirectory, readZipMember } = await import('../../formats/archive/zip.ts');
  const wheel = await open(await context.store.verified(tool.file.sha256, tool.file.size, what));
  try {
    const read = (start: number, length: number): Promise<Buffer> => readAt(wheel, start, length);
    const entries = await readZipDirectory(read, tool.file.size);
    const binary = entries.find((entry) => entry.name === `uv-${tool.version}.data/scripts/uv`);
    if (binary === undefined) {
      throw new CogplanError('COGPLAN_WHEEL_INVALID', `the wheel of ${what} holds no executable`, { subject: what });
    }
    await writeFile(join(directory, 'uv'), await readZipMember(read, binary, MAX_BINARY_SIZE), { mode: 0o755 });
  } finally {
    await wheel.close();
  }
}

async function readAt(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}

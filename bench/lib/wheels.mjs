import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { readZipDirectory, readZipMember } from '../../dist/formats/archive/zip.js';

const MAX_MEMBER = 256 * 1024 * 1024;

/** The content of the one member of a wheel whose name fits. */
export async function readWheelMember(wheel, fits) {
  const file = await open(wheel);
  try {
    const read = async (start, length) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
      return buffer.subarray(0, bytesRead);
    };
    const member = (await readZipDirectory(read, (await file.stat()).size)).find(({ name }) => fits.test(name));
    if (member === undefined) throw new Error(`${wheel} has no ${fits}`);
    return await readZipMember(read, member, MAX_MEMBER);
  } finally {
    await file.close();
  }
}

export function wheelFilename({ url }) {
  return decodeURIComponent(
    url
      .replace(/[?#].*$/, '')
      .split('/')
      .at(-1),
  );
}

/** The uv that a lock names for this host, as an executable file of the workspace. */
export async function lockedUv(workspace, lock) {
  const host = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const tool = lock.tools.find((item) => item.name === 'uv' && item.host === host);
  const path = join(workspace.directory, 'tools', `uv-${tool.version}`);
  if (!existsSync(path)) {
    mkdirSync(join(workspace.directory, 'tools'), { recursive: true });
    writeFileSync(path, await readWheelMember(workspace.blob(tool.file), /\.data\/scripts\/uv$/), { mode: 0o755 });
  }
  return { path, version: tool.version };
}

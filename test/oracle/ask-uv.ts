import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { normalizeName } from '../../src/formats/python/name.ts';
import type { WheelEnvironment } from '../../src/formats/python/wheel-tags.ts';
import { thePinnedUv } from '../builders/uv.ts';

const MACHINES = { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64' } as const;
/** The newest glibc that uv has a name for. */
const NEWEST_GLIBC_MINOR = 40;

/** `name==version` of what `uv pip compile` picks for the requirements file, as a person would call it; undefined when it picks nothing. */
export async function askUv(
  environment: WheelEnvironment,
  requirements: string,
): Promise<readonly string[] | undefined> {
  const uv = await thePinnedUv();
  const directory = mkdtempSync(join(tmpdir(), 'cogplan-ask-uv-'));
  const minor = Math.min(Number(environment.glibc.split('.')[1]), NEWEST_GLIBC_MINOR);
  const target = [
    '--python-version',
    environment.version,
    '--python-platform',
    `${MACHINES[environment.platform]}-manylinux_2_${minor}`,
  ];
  const form = [
    '--no-header',
    '--no-annotate',
    '--no-config',
    '--no-python-downloads',
    '--quiet',
    '--output-file',
    join(directory, 'out.txt'),
  ];
  const env = { PATH: process.env.PATH, HOME: directory, UV_CACHE_DIR: join(directory, 'cache') };
  try {
    await promisify(execFile)(
      uv,
      ['pip', 'compile', requirements, '--only-binary', ':all:', '--emit-index-annotation', ...target, ...form],
      { env, cwd: directory },
    );
    const lines = readFileSync(join(directory, 'out.txt'), 'utf8').split('\n');
    const pins = lines.flatMap((line) => /^([^#\s=]+)==(\S+)/.exec(line)?.slice(1, 3).join('==') ?? []);
    return pins.map((pin) => pin.replace(/^[^=]+/, normalizeName)).sort();
  } catch (error) {
    if (error instanceof Error && 'stderr' in error && /No solution found/.test(String(error.stderr))) return undefined;
    throw error;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

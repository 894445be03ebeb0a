import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asSha256, type Sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import type { PythonPackage } from '../lock/schema.generated.ts';

const URL_PREFIX = 'cogplan:runtime/';
const MANIFEST = 'manifest.json';
const FILENAME = /^cog-[A-Za-z0-9.+_]+-py3-none-any\.whl$/;

interface Manifest {
  readonly filename: string;
  readonly version: string;
  readonly sha256: Sha256;
  readonly size: number;
}

/** The wheel of the `cog` module that ships with this version of cogplan. */
export function bundledSdk(directory: string = runtimeDirectory()): PythonPackage {
  const { filename, version, sha256, size } = readManifest(directory);
  return {
    name: 'cog',
    version,
    file: { url: `${URL_PREFIX}${filename}`, sha256, size },
    requires: [],
  };
}

/** Where the file of a `cogplan:` URL lies; undefined for a file that this version does not bring. */
export function bundledFile(url: string, directory: string = runtimeDirectory()): string | undefined {
  const filename = url.startsWith(URL_PREFIX) ? url.slice(URL_PREFIX.length) : '';
  if (!FILENAME.test(filename) || readManifest(directory).filename !== filename) return undefined;
  return join(directory, filename);
}

/** `dist/runtime` of the package, seen from `src/sources` as well as from `dist/sources`. */
function runtimeDirectory(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'runtime');
}

function readManifest(directory: string): Manifest {
  try {
    const { filename, version, sha256, size } = JSON.parse(readFileSync(join(directory, MANIFEST), 'utf8'));
    if (!FILENAME.test(filename) || typeof version !== 'string' || !Number.isSafeInteger(size)) {
      throw new TypeError(`${MANIFEST} does not describe a wheel`);
    }
    return { filename, version, sha256: asSha256(sha256), size };
  } catch (cause) {
    throw new CogplanError('COGPLAN_RUNTIME_MISSING', `the wheel of the cog module is not in ${directory}`, {
      subject: 'cog',
      hint: 'Install cogplan again; in a source checkout, run `npm run build`.',
      cause,
    });
  }
}

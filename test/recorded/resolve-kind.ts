import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from '../../src/context.ts';
import type { PythonResolution, PythonTargetEnvironment } from '../../src/plan/families.ts';
import { resolvePython } from '../../src/plan/python/resolve.ts';
import { PYTHONS } from '../../src/plan/tables/pythons.ts';
import { readSpec } from '../../src/spec/read-spec.ts';
import { thePinnedUv } from '../builders/uv.ts';
import type { Kind } from './kinds.ts';

export const RECORDING = fileURLToPath(new URL('../fixtures/recorded/pypi.json', import.meta.url));

/** Makes a project of a kind. */
export function writeKind(directory: string, { cog, files = {} }: Kind): void {
  for (const [path, text] of Object.entries({
    'cog.yaml': cog,
    'predict.py': 'class Predictor:\n    def run(self) -> str:\n        return ""\n',
    ...files,
  })) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

/** The Python that a project of a kind gets. */
export async function environmentOf(directory: string): Promise<PythonTargetEnvironment> {
  const { pythonVersion } = await readSpec(directory);
  const python = PYTHONS.find((item) => item.python === pythonVersion.value);
  if (python === undefined) throw new Error(`no Python ${pythonVersion.value}`);
  return { version: python.version, path: '/usr/bin/python3', platform: 'linux/amd64', glibc: python.glibc };
}

/** What is locked of Python for the project in a directory, on the day after the recording. */
export async function resolveKind(
  context: Context,
  directory: string,
  asOf: string | null = null,
): Promise<PythonResolution> {
  const uv = await thePinnedUv();
  const spec = await readSpec(directory);
  const { store } = context;
  const here: Context = {
    ...context,
    now: () => new Date('2026-11-22T12:00:00Z'),
    store: {
      ...store,
      derivedDirectory: async (kind, key, make) =>
        kind === 'uv' ? dirname(uv) : store.derivedDirectory(kind, key, make),
    },
  };
  const options = { mode: 'keep', asOf } as const;
  return resolvePython(
    here,
    { spec, platform: 'linux/amd64', previous: undefined, options },
    await environmentOf(directory),
  );
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatLock } from '../../src/lock/write-lock.ts';
import { askedOf } from '../../src/plan/asked.ts';
import { imageOf } from '../../src/plan/image.ts';
import { bundledSdk } from '../../src/sources/bundled-runtime.ts';
import { readSpec } from '../../src/spec/read-spec.ts';
import { aDeb, aLock, aTarget, aWheel } from '../builders/lock.ts';

/** The same project, asking for one thing more: nothing that needs resolving. */
export const ENVIRONMENT = 'build:\n  python_version: "3.11"\nenvironment:\n  - A=1\n';

/** A project whose lock is in step with it, made without a network; its packages are nowhere to be had. */
export async function aProject(directory: string): Promise<{ project: string; store: string }> {
  const project = join(directory, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'cog.yaml'), 'build:\n  python_version: "3.11"\n');
  const spec = await readSpec(project);
  const sdk = bundledSdk();
  const system = { ...aTarget().system, packages: [aDeb('libc6', '2.36-9+deb12u13')] };
  const python = {
    indexes: ['https://pypi.org/simple'],
    packages: [
      aWheel('app', '1.0', { asked: ['requirements.txt:1: app'], requires: ['numpy>=1'] }),
      aWheel('numpy', '1.26.4'),
    ],
  };
  const runtime = { sdk, server: [aWheel('uvicorn', '0.54.0')] };
  const lock = aLock(
    { asked: askedOf(spec) },
    { system, python, runtime, image: imageOf(spec, sdk.version, aTarget()) },
  );
  writeFileSync(join(project, 'cogplan.lock'), formatLock(lock));
  return { project, store: join(directory, 'store') };
}

import { asSha256, type Digest, sha256 } from '../../src/digest.ts';
import type { File, Lock, PythonPackage, Seal, SystemPackage, Target } from '../../src/lock/schema.generated.ts';

/** A sound lock with one of everything; a test changes what it is about. */
export function aLock(change: Partial<Lock> = {}, target: Partial<Target> = {}): Lock {
  return {
    lockVersion: 1,
    assembler: 1,
    writtenBy: 'cogplan 0.1.0',
    asOf: null,
    asked: { interpreter: { 'build.python_version': '3.11' } },
    holds: [],
    tools: [{ name: 'uv', version: '0.13.9', host: 'linux/amd64', file: aFile('uv') }],
    targets: { 'linux/amd64': aTarget(target) },
    ...change,
  };
}

export function aTarget(change: Partial<Target> = {}): Target {
  return {
    base: { kind: 'debian', suite: 'bookworm', why: 'its Python is the one asked for' },
    interpreter: { version: '3.11.2', provider: 'debian', path: '/usr/bin/python3.11', why: 'build.python_version' },
    accelerator: null,
    system: {
      archives: [
        {
          url: 'https://archive.test/debian',
          suite: 'bookworm',
          component: 'main',
          date: '2026-11-01T00:00:00Z',
          signers: ['4CB50190207B4758A3F73A796ED0E7B82643E131'],
          inRelease: aFile('InRelease'),
          packages: aFile('Packages'),
        },
      ],
      packages: [aDeb('libc6', '2.36-9+deb12u13')],
    },
    python: { indexes: ['https://index.test/simple'], packages: [aWheel('numpy', '1.26.4')] },
    files: [],
    weights: [],
    steps: [],
    runtime: { sdk: aWheel('cog', '0.23.0'), server: [aWheel('uvicorn', '0.54.0')] },
    image: {
      env: ['PATH=/usr/bin'],
      entrypoint: ['/sbin/tini', '--'],
      cmd: ['python', '-m', 'cog.server.http'],
      workdir: '/src',
      user: '',
      ports: ['5000/tcp'],
      labels: { 'run.cog.version': '0.23.0' },
    },
    seals: [],
    ...change,
  };
}

export function aFile(name: string, change: Partial<File> = {}): File {
  return { url: `https://files.test/${name}`, sha256: sha256(name), size: name.length, ...change };
}

export function aWheel(name: string, version: string, change: Partial<PythonPackage> = {}): PythonPackage {
  return { name, version, file: aFile(`${name}-${version}-py3-none-any.whl`), requires: [], ...change };
}

export function aDeb(name: string, version: string, change: Partial<SystemPackage> = {}): SystemPackage {
  return {
    name,
    version,
    architecture: 'amd64',
    group: 'base',
    file: aFile(`${name}_${version}_amd64.deb`),
    depends: [],
    scripts: {},
    ...change,
  };
}

export function aSeal(layer: string, change: Partial<Seal> = {}): Seal {
  return {
    layer,
    family: 'python',
    recipe: asSha256('a'.repeat(64)),
    diffId: `sha256:${'b'.repeat(64)}` as Digest,
    size: 1024,
    ...change,
  };
}

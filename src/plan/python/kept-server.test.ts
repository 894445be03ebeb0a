import { describe, expect, test } from 'vitest';
import { aTarget, aWheel } from '../../../test/builders/lock.ts';
import type { PythonPackage, Target } from '../../lock/schema.generated.ts';
import type { Spec } from '../../spec/spec.ts';
import type { PythonTargetEnvironment, ResolveOptions } from '../families.ts';
import { keptServer } from './kept-server.ts';
import { ownRoots } from './roots.ts';

const ROOTS = ownRoots(['orjson', 'uvicorn']);
const wheel = (name: string, tags: string, asked?: string): PythonPackage => {
  const locked = aWheel(name, '1.0', asked === undefined ? {} : { asked: [asked] });
  return { ...locked, file: { ...locked.file, url: `https://files.test/a%2Bb/${name}-1.0-${tags}.whl` } };
};
const SERVER = [
  wheel('click', 'py3-none-any'),
  wheel('orjson', 'cp311-cp311-manylinux_2_28_x86_64', 'cogplan: orjson'),
  wheel('uvicorn', 'py3-none-any', 'cogplan: uvicorn'),
];
const ENVIRONMENT: PythonTargetEnvironment = {
  version: '3.11.2',
  path: '/usr/bin/python3',
  platform: 'linux/amd64',
  glibc: '2.36',
};

interface Case {
  readonly server?: readonly PythonPackage[];
  readonly options?: Partial<ResolveOptions>;
  readonly environment?: Partial<PythonTargetEnvironment>;
  readonly previous?: false;
}

function keep({ server = SERVER, options, environment, previous }: Case): readonly PythonPackage[] | undefined {
  const base = aTarget();
  const target: Target = {
    ...base,
    interpreter: { ...base.interpreter, version: '3.11.2' },
    runtime: { ...base.runtime, server: [...server] },
  };
  return keptServer(
    {
      spec: {} as Spec,
      platform: 'linux/amd64',
      previous: previous === false ? undefined : target,
      options: { mode: 'keep', asOf: null, ...options },
    },
    { ...ENVIRONMENT, ...environment },
    ROOTS,
  );
}

describe('the locked server is kept', () => {
  test.each<[string, Case]>([
    ['when nothing changed', {}],
    ['on another patch version', { environment: { version: '3.11.9' } }],
    ['on a newer glibc', { environment: { glibc: '2.41' } }],
  ])('%s', (_, change) => {
    expect(keep(change)).toEqual(SERVER);
  });
});

describe('the server is resolved again', () => {
  test.each<[string, Case]>([
    ['without a lock before', { previous: false }],
    ['for another Python', { environment: { version: '3.13.5' } }],
    ['for another processor', { environment: { platform: 'linux/arm64' } }],
    ['for an older glibc', { environment: { glibc: '2.17' } }],
    ['when upgrading', { options: { mode: 'upgrade' } }],
    ['when refreshing', { options: { mode: 'refresh' } }],
    ['as of an instant', { options: { asOf: '2024-01-01T00:00:00Z' } }],
    ['when something more is asked for', { server: SERVER.slice(0, 2) }],
    ['when something less is asked for', { server: [...SERVER, wheel('anyio', 'py3-none-any', 'cogplan: anyio')] }],
  ])('%s', (_, change) => {
    expect(keep(change)).toBeUndefined();
  });
});

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RegistryTestServer, startRegistry } from '../servers/registry.ts';
import { cogplan, cogplanJson, copyExample, inDirectory, type Receipt, readLock } from './cogplan.ts';

/* Commands that compile find their compiler in a base of the kind that ends in `-devel`: here one with gcc, and an nvcc that hands on to it. */

vi.setConfig({ testTimeout: 1_800_000, hookTimeout: 1_800_000 });

const MODEL = `import ctypes
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> int:
        return ctypes.CDLL("/usr/local/lib/libkernel.so").answer()
`;

let registry: RegistryTestServer;

beforeAll(async () => {
  registry = await startRegistry();
  await inDirectory(async (directory) => {
    const project = aProject(directory, [
      'system_packages: [gcc, libc6-dev]',
      'run:',
      '  - mkdir -p /usr/local/cuda/bin /usr/local/cuda/include',
      '  - printf \'#!/bin/sh\\nexec gcc -x c -I/usr/local/cuda/include "$@"\\n\' > /usr/local/cuda/bin/nvcc && chmod 755 /usr/local/cuda/bin/nvcc',
      "  - printf '#define ANSWER 42\\n' > /usr/local/cuda/include/cuda_runtime.h",
    ]);
    await cogplanJson(['lock', project, '--yes']);
    await cogplanJson(['apply', project]);
    const pushed = await cogplan(['apply', project, '-o', `registry:${registry.host}/nvidia/cuda:12.1.1-devel`]);
    expect(pushed.status, pushed.stderr).toBe(0);
  });
});
afterAll(() => registry.stop());

function aProject(directory: string, build: readonly string[]): string {
  const project = copyExample('hello-world', directory);
  rmSync(join(project, 'cogplan.lock'), { force: true });
  const lines = ['build:', '  python_version: "3.11"', ...build.map((line) => `  ${line}`)];
  writeFileSync(join(project, 'cog.yaml'), `${lines.join('\n')}\npredict: "predict.py:Predictor"\n`);
  return project;
}

it('a step compiles with the nvcc of its base, to the same layer on every run, without a network', () =>
  inDirectory(async (directory) => {
    const project = aProject(directory, [
      'run:',
      "  - printf '#include <cuda_runtime.h>\\nint answer(void) { return ANSWER; }\\n' > /opt/kernel.cu",
      '  - export PATH=/usr/local/cuda/bin:$PATH && nvcc -shared -fPIC -o /usr/local/lib/libkernel.so /opt/kernel.cu',
    ]);
    writeFileSync(join(project, 'cogplan.yaml'), `base: ${registry.host}/nvidia/cuda:12.1.1-devel\n`);
    writeFileSync(join(project, 'predict.py'), MODEL);
    await cogplanJson(['lock', project, '--yes']);
    const target = readLock(project).targets['linux/amd64'];
    expect(target?.steps).toMatchObject([{ from: 'build.run[1]', network: 'none' }]);
    expect(target?.toolchain).toBeUndefined();
    const first = await cogplanJson<Receipt>(['apply', project]);
    const again = await cogplanJson<Receipt>(['apply', project, '--offline']);
    expect(again.imageId).toBe(first.imageId);
    const run = await cogplan(['predict', project, '--json', '--network', 'none']);
    expect(run.status, run.stdout + run.stderr).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ status: 'succeeded', output: 42 });
  }));

it('without one, the step fails with what it said', () =>
  inDirectory(async (directory) => {
    const project = aProject(directory, ['run: ["/usr/local/cuda/bin/nvcc -o /opt/x /opt/x.cu"]']);
    await cogplanJson(['lock', project, '--yes']);
    const { status, stdout } = await cogplan(['apply', project, '--json']);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'COGPLAN_STEP_FAILED' } });
    expect(stdout).toContain('nvcc');
  }));

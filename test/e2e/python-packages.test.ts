import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseLock } from '../../src/lock/read-lock.ts';
import type { Accelerator } from '../../src/lock/schema.generated.ts';
import { formatLock } from '../../src/lock/write-lock.ts';
import { aWheelFile } from '../builders/wheel.ts';
import { cogplan } from './cogplan.ts';

let project: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'cogplan-wheels-'));
  const { filename, bytes } = aWheelFile({ name: 'demo', version: '1.0', files: { 'demo.py': 'WORD = "hi"\n' } });
  mkdirSync(join(project, 'wheels'));
  writeFileSync(join(project, 'wheels', filename), bytes);
  writeFileSync(join(project, 'requirements.txt'), `./wheels/${filename}\n`);
  writeFileSync(
    join(project, 'cog.yaml'),
    'build:\n  python_version: "3.11"\n  python_requirements: requirements.txt\nrun: "predict.py:Predictor"\n',
  );
  writeFileSync(
    join(project, 'predict.py'),
    'import demo\n\n\nclass Predictor:\n    def run(self) -> str:\n        return demo.WORD\n',
  );
});
afterAll(() => rmSync(project, { recursive: true }));

test('a wheel of the project is locked by its bytes, and applied without a network', async () => {
  expect((await cogplan(['lock', project, '--quiet'])).status).toBe(0);
  const predicted = await cogplan(['predict', project, '--quiet', '--offline']);
  expect(predicted.stdout.trim()).toBe('hi');
  expect((await cogplan(['lock', project, '--check'])).status).toBe(0);
  const { filename, bytes } = aWheelFile({ name: 'demo', version: '1.0', files: { 'demo.py': 'WORD = "ho"\n' } });
  writeFileSync(join(project, 'wheels', filename), bytes);
  expect((await cogplan(['lock', project, '--check'])).status).toBe(2);
});

test('check answers from the lock', async () => {
  const path = join(project, 'cogplan.lock');
  const lock = parseLock(readFileSync(path, 'utf8'), path);
  const accelerator: Accelerator = {
    cuda: '12.1',
    provider: 'wheels',
    why: 'a test',
    architectures: ['sm_80', 'sm_90'],
    minimumDriver: '525.60.13',
  };
  const target = lock.targets['linux/amd64'];
  if (target === undefined) throw new Error('no target');
  writeFileSync(path, formatLock({ ...lock, targets: { 'linux/amd64': { ...target, accelerator } } }));
  const fits = await cogplan(['check', project, '--gpu', 'sm_89', '--driver', '550.54']);
  expect(fits).toMatchObject({ status: 0, stdout: expect.stringContaining('sm_89') });
  const old = await cogplan(['check', project, '--driver', '470.82', '--json']);
  expect(old.status).toBe(2);
  expect(JSON.parse(old.stdout)).toMatchObject({ fits: false, targets: [{ fits: 'no', platform: 'linux/amd64' }] });
  expect((await cogplan(['check', project])).status).toBe(1);
  expect((await cogplan(['check', project, '--gpu', 'L4', '--driver', '550.54'])).status).toBe(0);
  const blackwell = await cogplan(['check', project, '--gpu', 'RTX 5090']);
  expect(blackwell).toMatchObject({
    status: 2,
    stdout: expect.stringContaining('sm_120: the wheels have kernels for sm_80, sm_90 only'),
  });
  expect((await cogplan(['check', project, '--gpu', 'GTX 1080', '--json'])).status).toBe(2);
  expect((await cogplan(['check', project, '--gpu', 'L999'])).stderr).toContain('COGPLAN_USAGE');
});

test('an edit moves what it must: to the newest, or with --minimal to the nearest', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cogplan-minimal-'));
  try {
    mkdirSync(join(directory, 'wheels'));
    for (const version of ['1.0', '1.1', '2.0']) {
      const { filename, bytes } = aWheelFile({ name: 'lib', version, metadata: ['Requires-Dist: base'] });
      writeFileSync(join(directory, 'wheels', filename), bytes);
      const base = aWheelFile({ name: 'base', version });
      writeFileSync(join(directory, 'wheels', base.filename), base.bytes);
    }
    const ask = (...lines: readonly string[]): void =>
      writeFileSync(
        join(directory, 'requirements.txt'),
        ['--no-index', '--find-links ./wheels', ...lines, ''].join('\n'),
      );
    writeFileSync(
      join(directory, 'cog.yaml'),
      'build:\n  python_version: "3.11"\n  python_requirements: requirements.txt\n',
    );
    const locked = (): readonly string[] => {
      const path = join(directory, 'cogplan.lock');
      const { packages } = parseLock(readFileSync(path, 'utf8'), path).targets['linux/amd64']!.python;
      return packages.map(({ name, version }) => `${name} ${version}`);
    };
    ask('lib==1.0', 'base==1.1');
    expect(await cogplan(['lock', directory, '--yes', '--quiet'])).toMatchObject({ status: 0 });
    ask('lib>=1.1', 'base');
    const plain = await cogplan(['plan', directory, '--json', '--quiet']);
    expect(JSON.parse(plain.stdout)).toMatchObject({
      changes: expect.arrayContaining([
        expect.objectContaining({ subject: 'lib', to: expect.objectContaining({ value: '2.0' }) }),
      ]),
    });
    expect((await cogplan(['lock', directory, '--minimal', '--yes', '--quiet'])).status).toBe(0);
    expect(locked()).toEqual(['base 1.1', 'lib 1.1']);
    const both = await cogplan(['lock', directory, '--minimal', '--upgrade']);
    expect(both).toMatchObject({ status: 1, stderr: expect.stringContaining('--minimal') });
    expect(
      (await cogplan(['lock', directory, '--minimal', '--upgrade-package', 'base', '--yes', '--quiet'])).status,
    ).toBe(0);
    expect(locked()).toEqual(['base 2.0', 'lib 1.1']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

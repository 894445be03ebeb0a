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
}, 60_000);
afterAll(() => rmSync(project, { recursive: true }));

test('a wheel of the project is locked by its bytes, and applied without a network', async () => {
  expect((await cogplan(['lock', project, '--quiet'])).status).toBe(0);
  const predicted = await cogplan(['predict', project, '--quiet', '--offline']);
  expect(predicted.stdout.trim()).toBe('hi');
  expect((await cogplan(['lock', project, '--check'])).status).toBe(0);
  const { filename, bytes } = aWheelFile({ name: 'demo', version: '1.0', files: { 'demo.py': 'WORD = "ho"\n' } });
  writeFileSync(join(project, 'wheels', filename), bytes);
  expect((await cogplan(['lock', project, '--check'])).status).toBe(2);
}, 300_000);

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
  expect((await cogplan(['check', project, '--gpu', 'L4'])).stderr).toContain('COGPLAN_USAGE');
}, 60_000);

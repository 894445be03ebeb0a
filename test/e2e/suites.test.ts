import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cogplan, cogplanJson, copyExample, inDirectory, type Receipt, readLock } from './cogplan.ts';

/* Each suite of Debian by the Python that it brings, without any setting. forky moves: a date holds it still. bookworm is what all other tests stand on. */

const HALF_AN_HOUR = 1_800_000;

test.each([
  // Its security updates are no longer kept for arm64.
  { python: '3.9', suite: 'bullseye', platforms: ['linux/amd64'], date: [] },
  { python: '3.13', suite: 'trixie', platforms: ['linux/amd64', 'linux/arm64'], date: [] },
  { python: '3.14', suite: 'forky', platforms: ['linux/amd64', 'linux/arm64'], date: ['--as-of', '2026-10-31'] },
])(
  'Python $python stands on $suite: locked and composed for $platforms, and run',
  ({ python, suite, platforms, date }) =>
    inDirectory(async (directory) => {
      const project = copyExample('hello-world', directory);
      rmSync(join(project, 'cogplan.lock'), { force: true });
      writeFileSync(
        join(project, 'cog.yaml'),
        `build:\n  python_version: "${python}"\n  system_packages: [jq]\nrun: "predict.py:Predictor"\n`,
      );
      for (const platform of platforms) await cogplanJson(['lock', project, '--yes', '--platform', platform, ...date]);
      const { targets } = readLock(project);
      for (const target of Object.values(targets)) {
        expect(target).toMatchObject({ base: { suite }, interpreter: { provider: 'debian' } });
        expect(target?.system.packages.filter(({ configure }) => configure === 'sealed')).toEqual([]);
      }
      for (const platform of platforms) {
        const layout = `oci:${join(directory, platform.replace('/', '-'))}`;
        const applied = ['apply', project, '--platform', platform, '--no-bytecode', '-o', layout];
        expect((await cogplanJson<Receipt>(applied)).imageId).toMatch(/^sha256:/);
      }
      const predicted = await cogplan(['predict', project, '-i', 'text=Ada']);
      expect(predicted.stdout.trim(), predicted.stderr).toBe('hello Ada');
      const audit = await cogplan(['exec', '--project', project, 'sh', '-c', 'dpkg --audit; dpkg -V; jq --version']);
      expect([audit.status, audit.stdout], audit.stderr).toEqual([0, expect.stringMatching(/^jq-/)]);
    }),
  HALF_AN_HOUR,
);

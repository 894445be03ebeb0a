import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { ROOT } from './cogplan.ts';

const HALF_AN_HOUR = 1_800_000;

/** Together they bring accounts, set-id programs, alternatives, generated lists, fonts of an X server, and caches that are sealed. */
const PACKAGES = ['openssh-client', 'sudo', 'locales', 'ghostscript', 'libgdk-pixbuf-2.0-0'];

it(
  'a composed tree is the one that dpkg configures, but for what is explained',
  async () => {
    const script = join(ROOT, 'scripts/debian-oracle.mjs');
    const { stdout, exitCode } = await execa(process.execPath, [script, ...PACKAGES], { reject: false });
    expect(stdout).toMatch(/^ +0 {2}unexplained$/m);
    expect(exitCode).toBe(0);
    const [, installed, paths] = /, (\d+) installed, (\d+) paths/.exec(stdout) ?? [];
    expect(Number(installed)).toBeGreaterThan(150);
    expect(Number(paths)).toBeGreaterThan(8000);
  },
  HALF_AN_HOUR,
);

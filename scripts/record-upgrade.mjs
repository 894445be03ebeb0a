// Records the upgrade of examples/ocr between two dates into test/fixtures/plans/ocr: the old lock, the plan, and the plan as text, Markdown and HTML. The
// old lock holds the Python packages of the first date and today's Debian packages, so that no snapshot archive is needed.
//   node scripts/record-upgrade.mjs 2025-06-01
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [date] = process.argv.slice(2);
if (!/^\d{4}-\d{2}-\d{2}$/.test(date ?? '')) {
  console.error('usage: node scripts/record-upgrade.mjs YYYY-MM-DD');
  process.exit(1);
}

const output = join(root, 'test/fixtures/plans/ocr');
const directory = mkdtempSync(join(tmpdir(), 'cogplan-record-'));
const project = join(directory, 'ocr');
const cogplan = (...args) =>
  execFileSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
try {
  cpSync(join(root, 'examples/ocr'), project, { recursive: true, filter: (path) => !path.endsWith('/.cogplan') });
  const requirements = join(project, 'requirements.txt');
  const pins = execFileSync(
    lockedUv(),
    [
      'pip',
      'compile',
      requirements,
      '--exclude-newer',
      date,
      '--python-version',
      '3.11',
      '--no-header',
      '--no-annotate',
      '--quiet',
    ],
    { encoding: 'utf8' },
  );
  const plain = readFileSync(requirements, 'utf8');
  writeFileSync(join(project, 'constraints.txt'), pins);
  writeFileSync(requirements, `${plain.trimEnd()}\n-c constraints.txt\n`);
  rmSync(join(project, 'cogplan.lock'), { force: true });
  cogplan('lock', project, '--yes', '--quiet');
  mkdirSync(output, { recursive: true });
  cpSync(join(project, 'cogplan.lock'), join(output, 'before.lock'));
  writeFileSync(requirements, plain);
  const plan = join(output, 'plan.json');
  cogplan('plan', project, '--upgrade', '--quiet', '--out', plan);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
console.log('Recorded. `npx vitest run src/cli/render --update` writes what it is told as.');

/** The uv that earlier locks brought into the store. */
function lockedUv() {
  const store = process.env.COGPLAN_STORE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'cogplan');
  const folder = join(store, 'derived/uv');
  const [newest] = readdirSync(folder);
  if (newest === undefined) throw new Error('no uv in the store: run `cogplan lock` once');
  return join(folder, newest, 'uv');
}

// Installs what the tests need, builds, checks style and types, and runs every suite. Last line: `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Programs the tests drive as real servers and second readers, and the Debian package of each. */
const PROGRAMS = {
  bwrap: 'bubblewrap',
  chromium: 'chromium',
  'docker-registry': 'docker-registry',
  dockerd: 'docker.io',
  mmdebstrap: 'mmdebstrap',
  htpasswd: 'apache2-utils',
  openssl: 'openssl',
  pip3: 'python3-pip',
  python3: 'python3',
  skopeo: 'skopeo',
  umoci: 'umoci',
  unshare: 'util-linux',
  xz: 'xz-utils',
  bzip2: 'bzip2',
  curl: 'curl',
  debsecan: 'debsecan',
  git: 'git',
  zstd: 'zstd',
};

const totals = { passed: 0, failed: 0 };

installNodePackages();
installDebianPackages();
suite('build', [process.execPath, join(root, 'scripts/build.mjs')]);
suite('generated files', [process.execPath, join(root, 'scripts/generate-lock-types.mjs'), '--check']);
suite('style', [join(root, 'node_modules/.bin/biome'), 'check', '.']);
suite('types', [join(root, 'node_modules/.bin/tsc'), '-p', 'tsconfig.json']);
vitest();
runtimePython();
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;

function run(command, options = {}) {
  return spawnSync(command[0], command.slice(1), { cwd: root, stdio: 'inherit', encoding: 'utf8', ...options });
}

/** A suite of one test: a command that must succeed. */
function suite(name, command) {
  const { status } = run(command);
  if (status === 0) totals.passed++;
  else totals.failed++;
  console.log(`${name}: ${status === 0 ? 'passed' : 'failed'}`);
}

function installNodePackages() {
  const installed = join(root, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return;
  const { status } = run(['npm', 'ci', '--no-fund', '--no-audit']);
  if (status !== 0) process.exit(1);
}

function installDebianPackages() {
  const onPath = (program) => spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`]).status === 0;
  const missing = [
    ...new Set(
      Object.keys(PROGRAMS)
        .filter((program) => !onPath(program))
        .map((program) => PROGRAMS[program]),
    ),
  ];
  if (missing.length === 0) return;
  const asRoot =
    process.getuid() === 0 ? [] : spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
  if (asRoot === undefined || !onPath('apt-get')) {
    console.log(
      `The tests need Debian packages that are not here: ${missing.join(' ')}\nInstall them with: apt-get install ${missing.join(' ')}`,
    );
    process.exit(1);
  }
  console.log(`Installing ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A service started by a package's script would outlive the tests; they start what they need themselves.
  const policy =
    'test -e /usr/sbin/policy-rc.d || { printf "#!/bin/sh\\nexit 101\\n" > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; touch /tmp/cogplan-policy; }';
  run([...asRoot, 'sh', '-c', policy]);
  run([...asRoot, 'apt-get', 'update', '-qq'], { env });
  const { status } = run([...asRoot, 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], {
    env,
  });
  run([...asRoot, 'sh', '-c', 'test ! -e /tmp/cogplan-policy || rm -f /usr/sbin/policy-rc.d /tmp/cogplan-policy']);
  if (status !== 0) process.exit(1);
}

function vitest() {
  const directory = mkdtempSync(join(tmpdir(), 'cogplan-tests-'));
  const report = join(directory, 'report.json');
  try {
    run([
      process.execPath,
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ]);
    const { numPassedTests, numFailedTests, numTotalTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const brokenFiles = testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    ).length;
    totals.passed += numPassedTests;
    totals.failed += numFailedTests + brokenFiles + (numTotalTests - numPassedTests - numFailedTests);
  } catch (error) {
    console.log(`vitest gave no report: ${error.message}`);
    totals.failed++;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function runtimePython() {
  const { stdout, status } = run(['python3', join(root, 'runtime-python/run_tests.py')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.stdout.write(stdout ?? '');
  const last = /(\d+) passed, (\d+) failed\s*$/.exec(stdout ?? '');
  totals.passed += Number(last?.[1] ?? 0);
  totals.failed += Number(last?.[2] ?? 0) || (status === 0 && last !== null ? 0 : 1);
}

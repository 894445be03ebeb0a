// The main job on a real model: installs and builds cogplan, then locks, applies and predicts on examples/ocr.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist/cli/main.js');
const STEPS = 5;

function step(number, text) {
  console.log(`\n[${number}/${STEPS}] ${text}`);
}

function run(command, args, { allowFailure = false, capture = false } = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['inherit', capture ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
  });
  if (result.error) throw result.error;
  if (result.status !== 0 && !allowFailure) process.exit(result.status ?? 1);
  return result;
}

function cogplan(...args) {
  return run(process.execPath, [cli, ...args]);
}

function isStale(output, ...inputs) {
  return !existsSync(output) || inputs.some((input) => statSync(input).mtimeMs > statSync(output).mtimeMs);
}

step(1, 'Installing cogplan and building it');
if (isStale(join(root, 'node_modules/.package-lock.json'), join(root, 'package-lock.json')))
  run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']);
run(process.execPath, [join(root, 'scripts/build.mjs')]);

step(2, 'cogplan lock examples/ocr');
cogplan('lock', 'examples/ocr', '--yes');

step(3, 'cogplan apply examples/ocr');
const applied = run(process.execPath, [cli, 'apply', 'examples/ocr', '--json'], { allowFailure: true, capture: true });
if (applied.status !== 0) {
  const { error } = JSON.parse(applied.stdout);
  if (error.code !== 'COGPLAN_ARTIFACT_GONE') {
    console.error(`error: ${error.message} (${error.code})\n  ${error.hint ?? ''}`);
    process.exit(1);
  }
  console.log(
    `${error.message}\nThe archive drops superseded packages: refreshing the lock, which moves only what is gone.`,
  );
  cogplan('lock', 'examples/ocr', '--refresh', '--yes');
  cogplan('apply', 'examples/ocr');
} else {
  const receipt = JSON.parse(applied.stdout);
  console.log(`image ${receipt.imageId}, ${receipt.layers.length} layers`);
}

step(4, 'cogplan predict examples/ocr -i image=@examples/ocr/sample.png');
const prediction = run(
  process.execPath,
  [cli, 'predict', 'examples/ocr', '-i', `image=@${join(root, 'examples/ocr/sample.png')}`, '--json'],
  { capture: true },
);

step(5, 'What the model read');
for (const line of JSON.parse(prediction.stdout).output.lines) console.log(`  ${line.text}`);
console.log(`
Next: node dist/cli/main.js serve examples/ocr, then POST an image to http://localhost:8393/predictions
      node dist/cli/main.js audit examples/ocr, to build it again and compare every layer with its seal`);

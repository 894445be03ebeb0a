import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { raceImages } from './lib/image-race.mjs';
import { imageRows } from './lib/image-rows.mjs';

/** What torch 2.2.2 asks for on Linux and a machine without a GPU never loads: 1.7 GB of wheels. */
const CUDA = /^(nvidia-.*|triton)$/;

/** torch, the wheel of 755 MB that PyPI serves, numpy, and what they need in Python: built like the small model, without Debian packages. */
export const measurement = {
  name: 'big-wheel',
  async run(bench) {
    const { workspace } = bench;
    const project = workspace.project('big-wheel', {
      'cog.yaml':
        'build:\n  python_version: "3.11"\n  python_packages:\n    - torch==2.2.2\n    - numpy==1.26.4\nrun: "predict.py:Predictor"\n',
      'predict.py':
        'import torch\nfrom cog import BasePredictor\n\n\nclass Predictor(BasePredictor):\n    def predict(self) -> str:\n        return torch.__version__\n',
    });
    await workspace.fill(project, { edit: leaveOutCuda });
    const pairs = [
      { installer: 'pip', bytecode: true, bar: 4 },
      { installer: 'uv', bytecode: false, bar: 2.5 },
    ];
    const race = await raceImages(bench, { project, systemPackages: [], pairs });
    return imageRows({
      name: 'big-wheel',
      what: '`apply` of torch 2.2.2 without its CUDA wheels, nothing derived, to an OCI layout',
      pairs,
      race,
    });
  },
};

/** As `--no-deps` does for the peers; a lock is data. */
function leaveOutCuda(project) {
  const path = join(project, 'cogplan.lock');
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  for (const target of Object.values(lock.targets)) {
    target.python.packages = target.python.packages.filter(({ name }) => !CUDA.test(name));
  }
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
}

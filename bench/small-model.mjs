import { raceImages } from './lib/image-race.mjs';
import { imageRows } from './lib/image-rows.mjs';

/** examples/ocr, a model of a dozen wheels and two Debian packages, made into an image that can be carried away. */
export const measurement = {
  name: 'small-model',
  async run(bench) {
    const project = bench.workspace.example('ocr');
    await bench.workspace.fill(project);
    const pairs = [
      { installer: 'pip', bytecode: true, bar: 3 },
      { installer: 'uv', bytecode: true, bar: 2.5 },
      { installer: 'pip', bytecode: false, bar: 3 },
      { installer: 'uv', bytecode: false, bar: 2.5 },
    ];
    const race = await raceImages(bench, { project, systemPackages: ['libgl1', 'libglib2.0-0'], pairs });
    return imageRows({
      name: 'small-model',
      what: '`apply` of `examples/ocr`, nothing derived, to an OCI layout',
      pairs,
      race,
    });
  },
};

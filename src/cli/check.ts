import { CogplanError } from '../errors.ts';
import { buildsFor } from '../plan/accelerator/builds-for.ts';
import { fitsMachine, type Machine } from '../plan/accelerator/fits.ts';
import { gpuCapability } from '../plan/accelerator/gpu-names.ts';
import { acceleratorTable } from '../plan/accelerator/table.ts';
import { LOCK_FILE, readLockFile } from './project-lock.ts';
import { type CommonOptions, print, printJson, projectDirectory } from './session.ts';

interface CheckOptions extends CommonOptions, Machine {}

/** Tells from the lock alone whether what it names runs on a GPU and driver: exit 0, or 2 when it does not. */
export async function checkVerb(argument: readonly string[], options: CheckOptions): Promise<number> {
  const { driver } = options;
  const gpu = options.gpu === undefined ? undefined : gpuCapability(options.gpu);
  if (options.gpu === undefined && driver === undefined) {
    throw new CogplanError('COGPLAN_USAGE', 'nothing to check against', {
      hint: 'Give --gpu sm_89, --driver 550.54, or both.',
    });
  }
  if (options.gpu !== undefined && gpu === undefined)
    throw misspelled('--gpu', options.gpu, 'sm_89, 8.9, L4 or "RTX 5090"');
  if (driver !== undefined && !/^\d+(?:\.\d+){0,3}$/.test(driver)) throw misspelled('--driver', driver, '550.54.14');
  const directory = projectDirectory(argument);
  const lock = await readLockFile(directory);
  if (lock === undefined) {
    throw new CogplanError('COGPLAN_LOCK_MISSING', `${directory} has no ${LOCK_FILE}`, {
      subject: LOCK_FILE,
      hint: 'Run `cogplan lock` first.',
    });
  }
  const machine: Machine = { ...(gpu === undefined ? {} : { gpu }), ...(driver === undefined ? {} : { driver }) };
  const answers = Object.entries(lock.targets).map(([platform, { accelerator }]) => ({
    platform,
    accelerator,
    ...fitsMachine(accelerator, machine),
  }));
  const advice = answers.flatMap(({ platform, fits, accelerator }) => {
    const isOfTorch = lock.targets[platform]?.python.packages.some(({ name }) => name === 'torch') === true;
    if (fits !== 'no' || gpu === undefined || !isOfTorch || fitsMachine(accelerator, { gpu }).fits !== 'no') return [];
    return buildsFor(acceleratorTable(), gpu, platform) ?? [];
  });
  if (options.json === true)
    printJson({
      fits: answers.every(({ fits }) => fits !== 'no'),
      targets: answers,
      ...(advice.length === 0 ? {} : { advice }),
    });
  else {
    for (const { platform, reasons } of answers) for (const reason of reasons) print(`${platform}: ${reason}`);
    for (const text of new Set(advice)) print(`${text}.`);
  }
  return answers.some(({ fits }) => fits === 'no') ? 2 : 0;
}

function misspelled(option: string, value: string, example: string): CogplanError {
  return new CogplanError('COGPLAN_USAGE', `${option} ${value} cannot be read`, {
    subject: value,
    hint: `Write it like ${example}.`,
  });
}

import { CogplanError } from '../errors.ts';
import { fitsMachine, type Machine } from '../plan/accelerator/fits.ts';
import { LOCK_FILE, readLockFile } from './project-lock.ts';
import { type CommonOptions, print, printJson, projectDirectory } from './session.ts';

interface CheckOptions extends CommonOptions, Machine {}

/** Tells from the lock alone whether what it names runs on a GPU and driver: exit 0, or 2 when it does not. */
export async function checkVerb(argument: readonly string[], options: CheckOptions): Promise<number> {
  const { gpu, driver } = options;
  if (gpu === undefined && driver === undefined) {
    throw new CogplanError('COGPLAN_USAGE', 'nothing to check against', {
      hint: 'Give --gpu sm_89, --driver 550.54, or both.',
    });
  }
  if (gpu !== undefined && !/^sm_\d{2,3}[af]?$/.test(gpu)) throw misspelled('--gpu', gpu, 'sm_89 or sm_120');
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
  if (options.json === true) printJson({ fits: answers.every(({ fits }) => fits !== 'no'), targets: answers });
  else for (const { platform, reasons } of answers) for (const reason of reasons) print(`${platform}: ${reason}`);
  return answers.some(({ fits }) => fits === 'no') ? 2 : 0;
}

function misspelled(option: string, value: string, example: string): CogplanError {
  return new CogplanError('COGPLAN_USAGE', `${option} ${value} cannot be read`, {
    subject: value,
    hint: `Write it like ${example}.`,
  });
}

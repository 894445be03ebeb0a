import { readFile } from 'node:fs/promises';
import { secretVariable } from '../apply/steps/secrets.ts';
import { CogplanError } from '../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment with the secrets of `--secret id=ID,src=FILE` and `--secret id=ID[,env=NAME]`, as `docker build` takes them, under the names that steps look for. */
export async function withSecrets(env: Environment, options: readonly string[] = []): Promise<Environment> {
  const values: Record<string, string> = {};
  for (const option of options) {
    const fields = new Map(
      option.split(',').map((field) => [field.split('=')[0] ?? '', field.slice(field.indexOf('=') + 1)] as const),
    );
    const id = fields.get('id');
    const file = fields.get('src') ?? fields.get('source');
    if (id === undefined || id === '') throw invalid(option, 'it names no id');
    const value = file === undefined ? env[fields.get('env') ?? id] : await readSecret(option, file);
    if (value === undefined) throw invalid(option, `the variable ${fields.get('env') ?? id} is not set`);
    values[secretVariable(id)] = value;
  }
  return { ...env, ...values };
}

async function readSecret(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw invalid(option, `${file} cannot be read`, cause);
  }
}

function invalid(option: string, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_USAGE', `--secret ${option}: ${problem}`, {
    subject: '--secret',
    hint: 'Write --secret id=ID,src=FILE or --secret id=ID,env=NAME.',
    cause,
  });
}

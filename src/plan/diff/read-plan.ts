import { CogplanError } from '../../errors.ts';
import { parseLock } from '../../lock/read-lock.ts';
import { formatLock } from '../../lock/write-lock.ts';
import { askedDigest, lockDigest, PLAN_VERSION } from './diff-locks.ts';
import type { Plan } from './schema.generated.ts';
import { validate } from './validate.generated.ts';

const MAX_PLAN_BYTES = 256 * 1024 * 1024;

/**
 * Reads the text of a plan file. `file` is used in messages only. COGPLAN_PLAN_VERSION for another format, COGPLAN_PLAN_INVALID for what is
 * no whole plan, or one whose lock is not the one it was made for.
 */
export function parsePlan(text: string, file: string): Plan {
  if (text.length > MAX_PLAN_BYTES) throw invalid(file, `it is larger than ${MAX_PLAN_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, 'it is not JSON, or not all of it', cause);
  }
  refuseOtherVersions(value, file);
  if (!isPlan(value)) {
    const error = validator.errors?.[0];
    throw invalid(file, `${error?.instancePath || '/'} ${error?.message ?? 'is wrong'}`);
  }
  const lock = parseLock(JSON.stringify(value.lock), file);
  const plan: Plan = { ...value, lock: parseLock(formatLock(lock), file) };
  if (lockDigest(plan.lock) !== plan.after) throw invalid(file, 'its lock is not the one that the plan names');
  if (askedDigest(plan.lock) !== plan.asked) throw invalid(file, 'its lock was made for something else than the plan');
  return plan;
}

/** The text of a plan file. */
export function formatPlan(plan: Plan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}

function refuseOtherVersions(value: unknown, file: string): void {
  if (typeof value !== 'object' || value === null) throw invalid(file, 'it is not an object');
  const { planVersion, writtenBy } = value as { planVersion?: unknown; writtenBy?: unknown };
  if (planVersion === PLAN_VERSION) return;
  if (typeof planVersion !== 'number') throw invalid(file, 'it has no planVersion');
  const writer = typeof writtenBy === 'string' ? `, written by ${writtenBy}` : '';
  throw new CogplanError(
    'COGPLAN_PLAN_VERSION',
    `${file} has plan version ${planVersion}${writer}; this program reads version ${PLAN_VERSION}`,
    { subject: file, where: { file }, hint: 'Make the plan again with `cogplan plan --out`.' },
  );
}

function invalid(file: string, reason: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_PLAN_INVALID', `${file} is not a plan: ${reason}`, {
    subject: file,
    where: { file },
    hint: 'Make the plan again with `cogplan plan --out`.',
    cause,
  });
}

interface SchemaValidator {
  (value: unknown): boolean;
  readonly errors?: readonly { readonly instancePath: string; readonly message?: string }[] | null;
}

const validator: SchemaValidator = validate;

function isPlan(value: unknown): value is Plan {
  return validator(value);
}

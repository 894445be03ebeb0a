import { CogplanError } from '../../errors.ts';

/** Credentials that are named and cannot be had. What a service answered is told by its status alone. */
export function credentialProblem(subject: string, reason: string, hint: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_BUCKET_CREDENTIALS', `${subject}: ${reason}`, { subject, hint, cause });
}

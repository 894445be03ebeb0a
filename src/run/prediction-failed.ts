import { CogplanError } from '../errors.ts';
import type { Prediction } from './server-client.ts';

/** What a person is told of a prediction that did not succeed; scripts get the prediction itself. */
export function predictionFailed({ status, error }: Prediction): CogplanError {
  const reason = typeof error === 'string' && error !== '' ? `: ${error}` : '';
  return new CogplanError('COGPLAN_PREDICTION_FAILED', `the prediction ended as ${status}${reason}`, {
    hint: 'What the model printed, its traceback included, stands above unless --quiet was given.',
  });
}

import { expect, test } from 'vitest';
import { predictionFailed } from './prediction-failed.ts';

test.each([
  [{ status: 'failed', error: 'no \u001b[31mluck' }, 'the prediction ended as failed: no \ufffd[31mluck'],
  [{ status: 'failed', error: '' }, 'the prediction ended as failed'],
  [{ status: 'canceled', error: null }, 'the prediction ended as canceled'],
])('%j is told with its reason', (prediction, message) => {
  expect(predictionFailed(prediction)).toMatchObject({ code: 'COGPLAN_PREDICTION_FAILED', message });
});

import { describe, expect, it } from 'vitest';
import { aLock } from '../../../test/builders/lock.ts';
import { anUpgrade } from '../../../test/builders/upgrade.ts';
import { diffLocks } from './diff-locks.ts';
import { formatPlan, parsePlan } from './read-plan.ts';

const { before, after } = anUpgrade();
const plan = diffLocks(before, after);
const changed = (change: object): string => JSON.stringify({ ...plan, ...change });

describe('a plan file', () => {
  it('gives its plan back', () => {
    expect(parsePlan(formatPlan(plan), 'plan.json')).toEqual(plan);
  });

  it.each<[string, string, string]>([
    ['cut off', formatPlan(plan).slice(0, -200), 'COGPLAN_PLAN_INVALID'],
    ['empty', '', 'COGPLAN_PLAN_INVALID'],
    ['no plan', '[]', 'COGPLAN_PLAN_INVALID'],
    ['a lock', JSON.stringify(aLock()), 'COGPLAN_PLAN_INVALID'],
    ['of a newer version', changed({ planVersion: 2 }), 'COGPLAN_PLAN_VERSION'],
    ['without changes', changed({ changes: undefined }), 'COGPLAN_PLAN_INVALID'],
    ['with another lock', changed({ lock: aLock() }), 'COGPLAN_PLAN_INVALID'],
    ['with a broken lock', changed({ lock: {} }), 'COGPLAN_LOCK_INVALID'],
    ['for something else', changed({ asked: plan.after }), 'COGPLAN_PLAN_INVALID'],
  ])('that is %s is refused', (_name, text, code) => {
    expect(() => parsePlan(text, 'plan.json')).toThrowError(
      expect.objectContaining({ code, where: expect.objectContaining({ file: 'plan.json' }) }),
    );
  });
});

import type { Condition } from './effect.ts';

/** What is known about an exit status: success, failure, success if a fact about the tree holds, or nothing. */
export type Status = boolean | 'unknown' | Condition;

export function negate(status: Status): Status {
  if (typeof status === 'boolean') return !status;
  if (status === 'unknown') return status;
  return status.kind === 'not' ? status.of : { kind: 'not', of: status };
}

export function both(a: Status, b: Status): Status {
  if (a === false || b === false) return false;
  if (a === true) return b;
  if (b === true) return a;
  if (a === 'unknown' || b === 'unknown') return 'unknown';
  return { kind: 'and', of: [a, b] };
}

export function either(a: Status, b: Status): Status {
  return negate(both(negate(a), negate(b)));
}

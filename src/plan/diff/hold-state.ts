import type { Hold } from '../../lock/schema.generated.ts';

/** Whether a hold has come to its end. `until` is a date, whose whole day still counts, or an instant; `now` is RFC 3339 in UTC. */
export function isOver({ until }: Pick<Hold, 'until'>, now: string): boolean {
  return until !== undefined && now.slice(0, until.length) > until;
}

import { CogplanError } from '../errors.ts';

/**
 * The instant that `--as-of` names, by RFC 3339: the end of a day (`2023-05-04`), or an instant as it is. Null for `now`, which
 * lets a lock out of the past. COGPLAN_USAGE for anything else, and for what has not been yet.
 */
export function parseAsOf(text: string, now: Date): string | null {
  if (text === 'now') return null;
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const isInstant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/.test(text);
  const time = Date.parse(isDay ? `${text}T23:59:59Z` : text);
  const isReal = !Number.isNaN(time) && (!isDay || new Date(time).toISOString().startsWith(text));
  if (!(isDay || isInstant) || !isReal) {
    throw new CogplanError('COGPLAN_USAGE', `--as-of ${text} is not a date`, {
      subject: text,
      hint: 'Write a day such as 2023-05-04, an instant such as 2023-05-04T12:00:00Z, or now.',
    });
  }
  if (time > now.getTime() && !isDay) throw future(text);
  if (isDay && Date.parse(`${text}T00:00:00Z`) > now.getTime()) throw future(text);
  return new Date(time).toISOString().replace('.000Z', 'Z');
}

function future(text: string): CogplanError {
  return new CogplanError('COGPLAN_USAGE', `--as-of ${text} lies in the future`, {
    subject: text,
    hint: 'Leave the option out to take what there is now.',
  });
}

/** A version as dpkg reads it: `[epoch:]upstream[-revision]` (deb-version(7)). */
export interface DebianVersion {
  readonly epoch: number;
  readonly upstream: string;
  /** `''` when there is none, which compares like `0`. */
  readonly revision: string;
}

const VERSION = /^(?:(\d{1,9}):)?([0-9][A-Za-z0-9.+~:-]*?)(?:-([A-Za-z0-9.+~]+))?$/;

/** Undefined for a text that is no version. A colon in the upstream part needs an epoch. */
export function parseDebianVersion(text: string): DebianVersion | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  const [, epoch, upstream = '', revision] = match;
  if (epoch === undefined && upstream.includes(':')) return undefined;
  // Only a dash at the very end leaves no revision behind it.
  if (revision === undefined && upstream.includes('-')) return undefined;
  return { epoch: Number(epoch ?? 0), upstream, revision: revision ?? '' };
}

/** Negative, zero or positive, as `dpkg --compare-versions` has it. Both must be versions: a RangeError otherwise. */
export function compareDebianVersions(a: string, b: string): number {
  if (a === b) return 0;
  const left = requireVersion(a);
  const right = requireVersion(b);
  return (
    left.epoch - right.epoch || comparePart(left.upstream, right.upstream) || comparePart(left.revision, right.revision)
  );
}

export type DebianRelation = '<<' | '<=' | '=' | '>=' | '>>';

export function satisfiesRelation(version: string, relation: DebianRelation, bound: string): boolean {
  const order = compareDebianVersions(version, bound);
  switch (relation) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
  }
}

function requireVersion(text: string): DebianVersion {
  const version = parseDebianVersion(text);
  if (version === undefined) throw new RangeError(`not a Debian version: ${text.slice(0, 80)}`);
  return version;
}

/** Alternates between runs of non-digits, compared by `weight`, and runs of digits, compared as numbers. */
function comparePart(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const difference = weight(a, i) - weight(b, j);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    const left = digits(a, i);
    const right = digits(b, j);
    i += left.length;
    j += right.length;
    const difference = compareNumbers(left, right);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `~` before the end, the end before letters, letters before all else. A digit counts as the end. */
function weight(text: string, index: number): number {
  const character = text[index];
  if (character === undefined || isDigit(text, index)) return 0;
  if (character === '~') return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x30 && code <= 0x39;
}

function digits(text: string, start: number): string {
  let end = start;
  while (end < text.length && isDigit(text, end)) end++;
  return text.slice(start, end);
}

/** Digit strings of any length, such as dates with times, by value. */
function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  if (left.length !== right.length) return left.length - right.length;
  return left === right ? 0 : left < right ? -1 : 1;
}

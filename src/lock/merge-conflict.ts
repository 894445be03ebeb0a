/** The two whole texts that a file with merge-conflict markers stands for, with the names that the markers give them. */
export interface ConflictSides {
  readonly ours: string;
  readonly theirs: string;
  readonly oursName: string;
  readonly theirsName: string;
}

const OPEN = /^<{7}(?: (.*))?$/;
const BASE = /^\|{7}(?: .*)?$/;
const MIDDLE = /^={7}$/;
const CLOSE = /^>{7}(?: (.*))?$/;

/**
 * Takes a file with conflict markers apart, those of `merge.conflictStyle` diff3 and zdiff3 too; undefined when it holds none, or when they do not
 * pair up. https://git-scm.com/docs/git-merge#_how_conflicts_are_presented
 */
export function splitConflict(text: string): ConflictSides | undefined {
  const [ours, theirs]: [string[], string[]] = [[], []];
  let oursName = 'ours';
  let theirsName = 'theirs';
  let place: 'both' | 'ours' | 'base' | 'theirs' = 'both';
  let found = false;
  for (const line of text.split(/\r?\n/)) {
    const [open, close] = [OPEN.exec(line), CLOSE.exec(line)];
    if (place === 'both' && open !== null) {
      place = 'ours';
      oursName = open[1] ?? oursName;
    } else if (place === 'ours' && BASE.test(line)) {
      place = 'base';
    } else if ((place === 'ours' || place === 'base') && MIDDLE.test(line)) {
      place = 'theirs';
    } else if (place === 'theirs' && close !== null) {
      place = 'both';
      theirsName = close[1] ?? theirsName;
      found = true;
    } else {
      if (place === 'both' || place === 'ours') ours.push(line);
      if (place === 'both' || place === 'theirs') theirs.push(line);
    }
  }
  if (!found || place !== 'both') return undefined;
  return { ours: ours.join('\n'), theirs: theirs.join('\n'), oursName, theirsName };
}

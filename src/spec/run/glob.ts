/** A pattern of the shell (XCU 2.14) as the source of a regular expression: `*`, `?` and plain sets. Undefined for what is written in brackets otherwise. */
export function globOf(pattern: string): string | undefined {
  let source = '';
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern[index] ?? '';
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (char === '[') {
      const set = /^\[(!?)([A-Za-z0-9_.-]+)\]/.exec(pattern.slice(index));
      if (set === null) return undefined;
      source += `[${set[1] === '!' ? '^' : ''}${set[2]}]`;
      index += set[0].length - 1;
    } else source += char.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  }
  return source;
}

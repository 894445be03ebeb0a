import { COMMAND_GROUPS, type CommandRow } from './commands.ts';
import { type Line, span, wrapSpan } from './line.ts';
import { textWidth } from './plain-text.ts';

const KEY_CELLS = 18;

/** The help screen, made from the table of commands. */
export function helpLines(width: number): readonly Line[] {
  return COMMAND_GROUPS.flatMap(({ title, rows }, index): Line[] => [
    ...(index === 0 ? [] : [[span('')]]),
    [span(title, 'strong')],
    ...rows.flatMap((row) => rowLines(row, width)),
  ]);
}

/** The line of hints at the bottom: as many as there is room for. */
export function hintLine(width: number): Line {
  const hints = COMMAND_GROUPS.flatMap(({ rows }) =>
    rows.flatMap(({ keys, hint }) => (hint === undefined || keys[0] === undefined ? [] : [`${keys[0]} ${hint}`])),
  );
  let text = '';
  // Help comes first: it leads to all the others when there is room for one only.
  for (const hint of [...hints.filter((one) => one.startsWith('?')), ...hints.filter((one) => !one.startsWith('?'))]) {
    const longer = text === '' ? hint : `${text}  ${hint}`;
    if (textWidth(longer) > width) break;
    text = longer;
  }
  return [span(text, 'dim')];
}

function rowLines({ keys, help }: CommandRow, width: number): Line[] {
  const indent = ' '.repeat(KEY_CELLS + 2);
  return wrapSpan(`  ${keys.join(', ').padEnd(KEY_CELLS)}${help}`, width, { indent });
}

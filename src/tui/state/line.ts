import { fitText, textWidth, wrapText } from './plain-text.ts';

/** How a piece of text looks where there is colour; the words alone carry the meaning. */
export type Tone = 'plain' | 'dim' | 'strong' | 'good' | 'bad' | 'warn' | 'accent' | 'selected';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

/** One line of the screen. */
export type Line = readonly Span[];

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone };
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + textWidth(text), 0);
}

/** Exactly `width` cells: cut with `~`, or filled up with spaces. */
export function fitLine(line: Line, width: number): Line {
  const fitted: Span[] = [];
  let room = width;
  for (const [index, { text, tone }] of line.entries()) {
    const cells = textWidth(text);
    const last = index === line.length - 1;
    if (cells > room || (last && cells < room)) {
      fitted.push({ text: fitText(text, room), tone });
      return fitted;
    }
    fitted.push({ text, tone });
    room -= cells;
    if (room === 0) return fitted;
  }
  return room > 0 ? [...fitted, span(' '.repeat(room))] : fitted;
}

export function wrapSpan(
  text: string,
  width: number,
  options: { readonly tone?: Tone; readonly indent?: string } = {},
): Line[] {
  return wrapText(text, width, options.indent ?? '').map((part) => [span(part, options.tone ?? 'plain')]);
}

/** What a line says, without its looks. */
export function lineText(line: Line): string {
  return line.map(({ text }) => text).join('');
}

import { Text, type TextProps } from 'ink';
import { createElement, type ReactElement } from 'react';
import type { Line, Tone } from '../state/line.ts';

const LOOKS: Record<Tone, TextProps> = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  good: { color: 'green' },
  bad: { color: 'red', bold: true },
  warn: { color: 'yellow' },
  accent: { color: 'cyan' },
  selected: { inverse: true },
};

/** One line of the screen. Without colour it is text and nothing else. */
export function LineText({ line, colour }: { readonly line: Line; readonly colour: boolean }): ReactElement {
  const parts = colour
    ? line.map(({ text, tone }) => (tone === 'plain' ? text : createElement(Text, LOOKS[tone], text)))
    : line.map(({ text }) => text);
  return createElement(Text, { wrap: 'truncate' }, ...parts);
}

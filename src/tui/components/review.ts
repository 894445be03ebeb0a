import { Box, useInput } from 'ink';
import { createElement, type ReactElement } from 'react';
import { keyNames } from '../state/key-name.ts';
import type { ReviewState } from '../state/review-state.ts';
import { screenLines } from '../state/screen.ts';
import { LineText } from './line-text.ts';

export interface ReviewProps {
  readonly state: ReviewState;
  readonly colour: boolean;
  readonly onKey: (key: string) => void;
}

/** The whole screen: a function of the state. */
export function Review({ state, colour, onKey }: ReviewProps): ReactElement {
  useInput((input, key) => {
    for (const name of keyNames(input, key)) onKey(name);
  });
  const lines = screenLines(state).map((line) => createElement(LineText, { line, colour }));
  return createElement(Box, { flexDirection: 'column' }, ...lines);
}

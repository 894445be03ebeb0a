import { render } from 'ink-testing-library';
import { createElement } from 'react';
import { expect, it } from 'vitest';
import { anUpgrade } from '../../../test/builders/plan.ts';
import { diffLocks } from '../../plan/diff/diff-locks.ts';
import { initialState } from '../state/initial-state.ts';
import { lineText } from '../state/line.ts';
import { screenLines } from '../state/screen.ts';
import { Review } from './review.ts';

const { before, after } = anUpgrade();
const plan = diffLocks(before, after, { mode: 'upgrade' });
const state = initialState({ title: 'demo', plan, savePath: 'plan.json', size: { columns: 100, rows: 20 } });

it('draws the lines of the state, and nothing else', () => {
  const { lastFrame, unmount } = render(createElement(Review, { state, colour: false, onKey: () => {} }));
  const drawn = (lastFrame() ?? '').split('\n').map((line) => line.trimEnd());
  expect(drawn).toEqual(screenLines(state).map((line) => lineText(line).trimEnd()));
  unmount();
});

it('tells keys by their names', async () => {
  const keys: string[] = [];
  const { stdin, unmount } = render(
    createElement(Review, { state, colour: false, onKey: (key) => void keys.push(key) }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  for (const bytes of ['j', '\u001b[B', '\r', '\u0003', '\t', 'ab', '\u007f', '\u001b[5~']) {
    stdin.write(bytes);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(keys).toEqual(['j', 'down', 'enter', 'ctrl-c', 'tab', 'a', 'b', 'backspace', 'pageup']);
  unmount();
});

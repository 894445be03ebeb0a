import type { Size } from './review-state.ts';

/** Cells and lines of the parts of the screen. */
export interface Layout {
  /** One pane at a time. */
  readonly narrow: boolean;
  /** No room for anything but a line that says so. */
  readonly tooSmall: boolean;
  readonly width: number;
  /** Lines of the whole frame: one fewer than the screen has, so that nothing scrolls. */
  readonly height: number;
  readonly bodyHeight: number;
  readonly listWidth: number;
  readonly storyWidth: number;
}

/** Between the two panes. */
export const GUTTER = ' | ';
/** Title, notice, hints. */
const FIXED_LINES = 3;
const WIDE = 80;

export function layoutOf({ columns, rows }: Size): Layout {
  const width = Math.max(1, columns);
  const height = Math.max(1, rows - 1);
  const narrow = width < WIDE;
  const listWidth = narrow ? width : Math.min(72, Math.floor(width * 0.5));
  return {
    narrow,
    tooSmall: columns < 20 || rows < 6,
    width,
    height,
    bodyHeight: Math.max(1, height - FIXED_LINES),
    listWidth,
    storyWidth: narrow ? width : width - listWidth - GUTTER.length,
  };
}

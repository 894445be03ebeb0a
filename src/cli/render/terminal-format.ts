import pc from 'picocolors';
import type { TextOptions } from './plan-text.ts';

/** How text is laid out for a stream: a terminal's width and colours, or 100 plain columns for a file or a pipe. */
export function formatFor(stream: NodeJS.WriteStream): TextOptions {
  return { width: stream.isTTY ? (stream.columns ?? 80) : 100, color: stream.isTTY && pc.isColorSupported };
}

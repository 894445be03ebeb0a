import pc from 'picocolors';
import type { TextOptions } from './plan-text.ts';

/** How text is laid out for a stream: a terminal's width and colours, or 100 plain columns for a file or a pipe. */
export function formatFor(stream: NodeJS.WriteStream): TextOptions {
  // Absent, not false, where the stream is no terminal; and colours count as supported wherever CI is set.
  const terminal = stream.isTTY === true;
  return { width: terminal ? (stream.columns ?? 80) : 100, color: terminal && pc.isColorSupported };
}

import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

const MAX_LINE = 16 * 1024;

/**
 * Calls `take` for each line of a text stream, without its end. A carriage return ends a line too, as progress bars use it; empty lines
 * are dropped, and endless lines cut into pieces. Fulfilled when the stream is over, whichever way.
 */
export function readLines(stream: Readable, take: (line: string) => void): Promise<void> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    rest += decoder.write(chunk);
    const lines = rest.split(/\r\n?|\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') take(line);
    for (; rest.length > MAX_LINE; rest = rest.slice(MAX_LINE)) take(rest.slice(0, MAX_LINE));
  });
  return new Promise((resolve) => {
    stream.on('error', () => {});
    stream.once('close', () => {
      if (rest !== '') take(rest);
      resolve();
    });
  });
}

import type { Writable } from 'node:stream';

/**
 * A reader that has seen enough, as `head` has, is no failure of the work: what else would be written is dropped. Standard output that
 * cannot take what is written, as on a full disk, calls `onLost`. Messages that cannot be shown stop nothing.
 */
export function watchOutputs(streams: { stdout: Writable; stderr: Writable }, onLost: (error: Error) => void): void {
  streams.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') onLost(error);
  });
  streams.stderr.on('error', () => {});
}

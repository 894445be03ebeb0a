import { type FileHandle, open } from 'node:fs/promises';

const PIECE = 1024 * 1024;

/** The bytes of a file from its start to its end. A piece holds until the next one is asked for: there are two buffers, one read into while the other is used. */
export async function* readPieces(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  let [current, next] = [Buffer.allocUnsafeSlow(PIECE), Buffer.allocUnsafeSlow(PIECE)];
  let position = 0;
  let reading = file.read(current, 0, PIECE, 0);
  for (;;) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) return;
    position += bytesRead;
    reading = file.read(next, 0, PIECE, position);
    // Its failure is seen by the next turn, if there is one.
    reading.catch(() => {});
    yield current.subarray(0, bytesRead);
    [current, next] = [next, current];
  }
}

/** The same of the file at a path. Throws the signal's reason when it is aborted between two pieces. */
export async function* readFilePieces(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, 'r');
  try {
    for await (const piece of readPieces(file)) {
      signal?.throwIfAborted();
      yield piece;
    }
  } finally {
    await file.close();
  }
}

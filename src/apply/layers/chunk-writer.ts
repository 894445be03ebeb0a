import type { BlobWriter } from '../../store/store.ts';

const CHUNK = 1024 * 1024;

/** Gathers small writes into chunks of 1 MiB, and lets one chunk travel to the blob while the next is filled. */
export class ChunkWriter {
  readonly #blob: BlobWriter;
  #filling: Buffer = Buffer.allocUnsafe(CHUNK);
  #travelling: Buffer = Buffer.allocUnsafe(CHUNK);
  #used = 0;
  #flight: Promise<void> = Promise.resolve();

  constructor(blob: BlobWriter) {
    this.#blob = blob;
  }

  async write(data: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < data.length) {
      const space = await this.space();
      const part = data.subarray(offset, offset + space.length);
      space.set(part);
      this.advance(part.length);
      offset += part.length;
    }
  }

  /** Free space to read into, at least one byte; follow with `advance`. */
  async space(): Promise<Buffer> {
    if (this.#used === CHUNK) await this.#send();
    return this.#filling.subarray(this.#used);
  }

  advance(bytes: number): void {
    this.#used += bytes;
  }

  /** Waits until everything has reached the blob. */
  async finish(): Promise<void> {
    await this.#send();
    await this.#flight;
  }

  async #send(): Promise<void> {
    await this.#flight;
    if (this.#used === 0) return;
    const full = this.#filling;
    this.#flight = this.#blob.write(full.subarray(0, this.#used));
    // A failure is met by the next `await`; until then it must not count as unhandled.
    this.#flight.catch(() => undefined);
    this.#filling = this.#travelling;
    this.#travelling = full;
    this.#used = 0;
  }
}

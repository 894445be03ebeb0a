import { createGunzip } from 'node:zlib';
import { publicUrl, tooLargeError } from './http-errors.ts';
import type { RawResponse } from './requester.ts';

/** The whole body, decoded if it was compressed on request; fails with COGPLAN_TOO_LARGE beyond `limit` bytes. */
export async function readBody(response: RawResponse, limit: number, acceptsGzip: boolean): Promise<Buffer> {
  const isGzip = acceptsGzip && /^(x-)?gzip$/i.test(response.headers['content-encoding'] ?? '');
  const announced = Number(response.headers['content-length']);
  if (!isGzip && announced > limit) {
    response.body.on('error', () => {}).destroy();
    throw tooLargeError(publicUrl(response.url), limit);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of isGzip ? gunzip(response.body) : response.body) {
    size += chunk.length;
    if (size > limit) throw tooLargeError(publicUrl(response.url), limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* gunzip(body: RawResponse['body']): AsyncGenerator<Uint8Array> {
  const decoder = createGunzip();
  body.on('error', (error) => decoder.destroy(error));
  body.pipe(decoder);
  try {
    yield* decoder;
  } finally {
    body.on('error', () => {}).destroy();
    decoder.destroy();
  }
}

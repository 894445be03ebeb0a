import { readFileSync } from 'node:fs';

let known: string | undefined;

/**
 * Digest of the compiled code that turns inputs into bytes: results that another build derived are not taken for this
 * build's. Running from source there is none, and `source` stands for it.
 */
export function buildId(): string {
  if (known === undefined) {
    try {
      known = readFileSync(new URL('./build-id.txt', import.meta.url), 'utf8').trim();
    } catch {
      known = 'source';
    }
  }
  return known;
}

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { asSha256, isSha256 } from '../../digest.ts';
import type { Tool } from '../../lock/schema.generated.ts';

const TABLE = new URL('../tables/uv.json', import.meta.url);

const tableShape = z.object({
  version: z.string(),
  hosts: z.record(z.string(), z.object({ url: z.url(), sha256: z.string().refine(isSha256), size: z.number().int() })),
});

/** The one uv that resolves, for every host it runs on: a lock must not tell which host wrote it. */
export function uvTools(): readonly Tool[] {
  const { version, hosts } = tableShape.parse(JSON.parse(readFileSync(TABLE, 'utf8')));
  return Object.entries(hosts).map(([host, { url, sha256, size }]) => ({
    name: 'uv',
    version,
    host,
    file: { url, sha256: asSha256(sha256), size },
  }));
}

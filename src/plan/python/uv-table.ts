import { readFileSync } from 'node:fs';
import { asSha256 } from '../../digest.ts';
import type { Tool } from '../../lock/schema.generated.ts';

const TABLE = new URL('../tables/uv.json', import.meta.url);

/** The file is part of the program: a test holds it to its shape. */
interface Table {
  readonly version: string;
  readonly hosts: Readonly<Record<string, { readonly url: string; readonly sha256: string; readonly size: number }>>;
}

/** The one uv that resolves, for every host it runs on: a lock must not tell which host wrote it. */
export function uvTools(): readonly Tool[] {
  const { version, hosts } = JSON.parse(readFileSync(TABLE, 'utf8')) as Table;
  return Object.entries(hosts).map(([host, { url, sha256, size }]) => ({
    name: 'uv',
    version,
    host,
    file: { url, sha256: asSha256(sha256), size },
  }));
}

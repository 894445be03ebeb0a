import { parse } from 'smol-toml';
import { z } from 'zod';
import { isSha256, type Sha256 } from '../../digest.ts';
import { bug } from '../../errors.ts';

/** A wheel that uv found usable for the target. */
export interface CompiledFile {
  /** Without user info and fragment. */
  readonly url: string;
  readonly filename: string;
  readonly sha256?: Sha256;
  readonly size?: number;
}

export interface CompiledPackage {
  /** Normalised by PEP 503. */
  readonly name: string;
  readonly version: string;
  /** Every wheel of the version that fits the target, in no meaningful order; one for a direct URL. */
  readonly files: readonly CompiledFile[];
  /** Asked for by URL rather than found on an index. */
  readonly direct: boolean;
}

const file = z.object({
  url: z.string().optional(),
  path: z.string().optional(),
  name: z.string().optional(),
  size: z.number().int().nonnegative().optional(),
  hashes: z.record(z.string(), z.string()).optional(),
});
const pylock = z.object({
  packages: z.array(
    z.object({
      name: z.string(),
      version: z.string().optional(),
      wheels: z.array(file).optional(),
      archive: file.optional(),
    }),
  ),
});

/** Reads uv's `pylock.toml`. https://packaging.python.org/en/latest/specifications/pylock-toml/ */
export function readPylock(text: string): readonly CompiledPackage[] {
  const parsed = pylock.safeParse(parse(text));
  if (!parsed.success) throw bug(`uv wrote a pylock.toml of another shape: ${parsed.error.message}`);
  return parsed.data.packages.map(({ name, version, wheels, archive }) => {
    if (version === undefined) throw bug(`uv named no version of ${name}`);
    const files = archive === undefined ? (wheels ?? []) : [archive];
    return { name, version, files: files.map((item) => readFile(item, name)), direct: archive !== undefined };
  });
}

function readFile(item: z.infer<typeof file>, name: string): CompiledFile {
  const location = item.url ?? item.path;
  if (location === undefined) throw bug(`uv gave no place for a file of ${name}`);
  const url = item.url === undefined ? new URL(`file://${location}`) : new URL(item.url);
  url.username = '';
  url.password = '';
  url.hash = '';
  const hash = item.hashes?.sha256;
  return {
    url: url.href,
    filename: item.name ?? decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1)),
    ...(hash !== undefined && isSha256(hash) ? { sha256: hash } : {}),
    ...(item.size === undefined ? {} : { size: item.size }),
  };
}

import {
  appendFileSync,
  type BigIntStats,
  closeSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { isSha256, type Sha256 } from '../digest.ts';

/**
 * Remembers which file was found to hold which content: a blob whose inode, size and times are those of its stamp need
 * not be read again. The change time cannot be set back by hand, so an edit always shows.
 *
 * On disk: a log of `<sha256> <inode> <size> <mtime ns> <ctime ns> <last use ms>` lines, the last one for a blob counts.
 * Losing lines costs one more reading, nothing else, so appends are not synchronised.
 */
export interface Stamps {
  matches(sha256: Sha256, stat: BigIntStats): boolean;
  record(sha256: Sha256, stat: BigIntStats): void;
  /** Notes that the blob was used now, to the day. */
  touch(sha256: Sha256): void;
  /** Milliseconds since the epoch. */
  lastUsed(sha256: Sha256): number | undefined;
  /** The size it had when it was last known to be right. */
  knownSize(sha256: Sha256): number | undefined;
  /** Rewrites the log with the stamps of these blobs only. */
  compact(keep: ReadonlySet<string>): void;
}

interface Entry {
  readonly stamp: string;
  readonly used: number;
}

const DAY = 86_400_000;
const COMPACT_ABOVE = 4 * 1024 * 1024;

export function createStamps(path: string, now: () => Date): Stamps {
  const entries = new Map<string, Entry>();
  let readFrom: { readonly inode: number; readonly offset: number } | undefined;
  let pending: string[] = [];

  function refresh(): void {
    const log = readLog(path, readFrom);
    if (log === undefined) return;
    if (log.restarted) entries.clear();
    for (const line of log.text.split('\n')) {
      const parsed = parseLine(line);
      if (parsed !== undefined) entries.set(parsed.sha256, parsed.entry);
    }
    const first = readFrom === undefined;
    readFrom = { inode: log.inode, offset: log.offset };
    if (first && log.offset > COMPACT_ABOVE) compact(new Set(entries.keys()));
  }

  function append(sha256: Sha256, entry: Entry): void {
    entries.set(sha256, entry);
    if (pending.length === 0) {
      setImmediate(flush);
      unflushed.add(flush);
    }
    pending.push(formatLine(sha256, entry));
  }

  function flush(): void {
    const lines = pending;
    pending = [];
    unflushed.delete(flush);
    if (lines.length === 0) return;
    try {
      appendFileSync(path, lines.join(''), { mode: 0o644 });
    } catch {
      // A store that cannot be written to still serves what it holds.
    }
  }

  function compact(keep: ReadonlySet<string>): void {
    flush();
    refresh();
    const kept = [...entries].filter(([sha256]) => keep.has(sha256));
    const temporary = `${path}.${process.pid}.new`;
    try {
      writeFileSync(temporary, kept.map(([sha256, entry]) => formatLine(sha256, entry)).join(''), { mode: 0o644 });
      renameSync(temporary, path);
      readFrom = undefined;
    } catch {
      // The log stays as long as it is.
    }
  }

  function find(sha256: Sha256): Entry | undefined {
    if (readFrom === undefined || !entries.has(sha256)) refresh();
    return entries.get(sha256);
  }

  return {
    matches: (sha256, stat) => {
      const wanted = stampOf(stat);
      if (find(sha256)?.stamp === wanted) return true;
      refresh();
      return entries.get(sha256)?.stamp === wanted;
    },
    record: (sha256, stat) => {
      append(sha256, { stamp: stampOf(stat), used: now().getTime() });
      flush();
    },
    touch: (sha256) => {
      const entry = find(sha256);
      const used = now().getTime();
      if (entry !== undefined && used - entry.used > DAY) append(sha256, { ...entry, used });
    },
    lastUsed: (sha256) => find(sha256)?.used,
    knownSize: (sha256) => {
      const size = find(sha256)?.stamp.split(' ')[1];
      return size === undefined ? undefined : Number(size);
    },
    compact,
  };
}

const unflushed = new Set<() => void>();
process.once('exit', () => {
  for (const flush of unflushed) flush();
});

function stampOf(stat: BigIntStats): string {
  return `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
}

function formatLine(sha256: string, entry: Entry): string {
  return `${sha256} ${entry.stamp} ${entry.used}\n`;
}

function parseLine(line: string): { readonly sha256: Sha256; readonly entry: Entry } | undefined {
  const sha256 = line.slice(0, 64);
  const match = /^ (\d+ \d+ -?\d+ -?\d+) (\d+)$/.exec(line.slice(64));
  if (match === null || !isSha256(sha256)) return undefined;
  return { sha256, entry: { stamp: match[1] ?? '', used: Number(match[2]) } };
}

/** The complete lines after what was read before; from the start when the log has been replaced. */
function readLog(
  path: string,
  before: { readonly inode: number; readonly offset: number } | undefined,
): { readonly text: string; readonly inode: number; readonly offset: number; readonly restarted: boolean } | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const { ino, size } = fstatSync(file);
    const restarted = before === undefined || before.inode !== ino || size < before.offset;
    const start = restarted ? 0 : before.offset;
    if (!restarted && size === start) return undefined;
    const buffer = Buffer.allocUnsafe(size - start);
    const length = readSync(file, buffer, 0, buffer.length, start);
    const end = buffer.subarray(0, length).lastIndexOf(0x0a) + 1;
    return { text: buffer.toString('latin1', 0, end), inode: ino, offset: start + end, restarted };
  } finally {
    closeSync(file);
  }
}

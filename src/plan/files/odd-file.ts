import { closeSync, openSync, readSync } from 'node:fs';
import type { Context } from '../../context.ts';
import type { Where } from '../../errors.ts';
import { warn } from '../../events.ts';
import type { File } from '../../lock/schema.generated.ts';
import { LFS_POINTER_START } from '../../sources/git/lfs-objects.ts';

/** LFS's own limit for pointers. */
const MOST_POINTER = 1024;
/** Names in a query under which signatures that end travel. */
const SIGNED = /[?&](?:x-amz-signature|x-goog-signature|x-amz-expires|signature|sig|expires|key-pair-id)=/i;

/** Warns of a file that is hardly what was meant: the pointer of Git LFS, the page about a file, what a signed address gives. */
export async function tellOddFile(
  context: Context,
  {
    file,
    url,
    what,
    where,
  }: { readonly file: File; readonly url: string; readonly what: string; readonly where: Where },
): Promise<void> {
  const { host, store } = context;
  const place = where.line === undefined ? where.file : `${where.file}:${where.line}`;
  if (SIGNED.test(url))
    warn(
      host,
      'lock.signed-address',
      `${place}: the address of ${what} carries a signature, which stands in the lock and ends: name a lasting one`,
    );
  if ((await store.stat(file.sha256)) === undefined) return;
  const start = startOf(store.blobPath(file.sha256));
  if (file.size <= MOST_POINTER && start.startsWith(LFS_POINTER_START))
    warn(host, 'lock.lfs-pointer', `${place}: ${what} is a pointer of Git LFS, not the file itself${adviceFor(url)}`);
  else if (/^\s*(?:<!doctype html|<html)/i.test(start) && !/\.html?$/i.test(new URL(url).pathname))
    warn(host, 'lock.web-page', `${place}: ${what} is a page of HTML, not a file${adviceFor(url)}`);
}

/** Whether a text is what Git leaves in place of a file that LFS holds. */
export function isPointer(path: string, size: number): boolean {
  return size <= MOST_POINTER && size > LFS_POINTER_START.length && startOf(path).startsWith(LFS_POINTER_START);
}

function adviceFor(url: string): string {
  const { host, pathname } = new URL(url);
  if (/^(?:huggingface\.co|hf\.co)$/.test(host)) return ': write /resolve/ in place of /blob/ or /raw/';
  if (host === 'github.com' && pathname.includes('/blob/')) return ': write /raw/ in place of /blob/';
  if (host === 'raw.githubusercontent.com') return ': write https://media.githubusercontent.com/media/… in its place';
  if (host.endsWith('dropbox.com')) return ': let the address end in dl=1';
  return '';
}

function startOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(512);
    return bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(file);
  }
}

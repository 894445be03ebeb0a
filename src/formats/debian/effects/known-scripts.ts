import { createHash } from 'node:crypto';
import type { Effect } from './effect.ts';
import { KNOWN_SCRIPTS } from './known-scripts-table.ts';

/**
 * Effects of a script that was read by a person because its statements cannot be followed, or `undefined`. The whole script
 * counts, but for comments, blank lines, and the version of the package and of Python: an update that changes a statement
 * is no longer known.
 */
export function findKnownScript(script: KnownScriptQuery): readonly Effect[] | undefined {
  const fingerprint = fingerprintScript(script);
  const row = KNOWN_SCRIPTS.find(({ name, script: file, fingerprints }) => {
    return name === script.name && file === script.script && fingerprints.includes(fingerprint);
  });
  return row?.effects;
}

export interface KnownScriptQuery {
  readonly name: string;
  readonly version: string;
  /** `preinst`, `postinst` or `config`. */
  readonly script: string;
  readonly content: Buffer;
}

/** The first 32 hexadecimal digits of the sha256 of a script without what changes from build to build. */
export function fingerprintScript({ version, content }: KnownScriptQuery): string {
  const text = isText(content)
    ? content
        .toString('utf8')
        .replaceAll(version, 'VERSION')
        .replaceAll(/python3\.\d+/g, 'python3.N')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && (!line.startsWith('#') || line.startsWith('#!')))
        .join('\n')
    : content;
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function isText(content: Buffer): boolean {
  return !content.includes(0);
}

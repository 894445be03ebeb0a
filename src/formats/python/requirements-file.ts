/** A line as pip sees it: continuations joined, comments gone, never empty. */
export interface LogicalLine {
  readonly text: string;
  /** Number of its first physical line, from 1. */
  readonly line: number;
  /** Column of its first character, from 1. */
  readonly column: number;
}

const COMMENT = /(?:^|\s)#.*$/;
const COMMENT_LINE = /^\s*#/;

/**
 * Splits a requirements file into logical lines by pip's rules: a backslash at the end of a line continues it, `#` starts a comment
 * only at the start of a line or after white space, and a comment ends a continued line.
 * https://pip.pypa.io/en/stable/reference/requirements-file-format/
 */
export function splitRequirementsFile(text: string): readonly LogicalLine[] {
  const lines: LogicalLine[] = [];
  let pending: { parts: string[]; line: number } | undefined;
  text.split(/\r\n|\r|\n/).forEach((physical, index) => {
    const comment = COMMENT_LINE.test(physical);
    pending ??= { parts: [], line: index + 1 };
    if (physical.endsWith('\\') && !comment) {
      pending.parts.push(physical.slice(0, -1));
      return;
    }
    pending.parts.push(comment ? ` ${physical}` : physical);
    finish(pending);
    pending = undefined;
  });
  if (pending !== undefined) finish(pending);
  return lines;

  function finish({ parts, line }: { parts: readonly string[]; line: number }): void {
    const stripped = stripComment(parts.join(''));
    const column = stripped.length - stripped.trimStart().length + 1;
    if (stripped.trim() !== '') lines.push({ text: stripped.trim(), line, column });
  }
}

/** Text without its comment. */
export function stripComment(text: string): string {
  return text.replace(COMMENT, '');
}

/** Bytes of a requirements file as text: UTF-8, or UTF-16 with a byte order mark as PowerShell writes it. Undefined for anything else. */
export function decodeRequirementsFile(bytes: Uint8Array): string | undefined {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

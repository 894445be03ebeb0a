import type { Where } from '../errors.ts';
import { info, warn } from '../events.ts';
import type { Notice } from '../spec/spec.ts';
import type { Session } from './session.ts';

/** Tells what reading a project showed, each with its place. */
export function tellNotices(host: Session['host'], notices: readonly Notice[]): void {
  for (const { level, code, text, where } of notices) {
    (level === 'warn' ? warn : info)(host, code, `${placeText(where)}: ${text}`);
  }
}

export function placeText({ file, line }: Where): string {
  return line === undefined ? file : `${file}:${line}`;
}

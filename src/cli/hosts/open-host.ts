import type { Host } from '../../events.ts';
import { plainHost } from './plain-host.ts';
import { terminalHost } from './terminal-host.ts';

/** The host for this run: bars on a terminal, plain lines elsewhere, only warnings when quiet. All of it on stderr. */
export function openHost(options: { readonly quiet: boolean; readonly interactive: boolean }): Host {
  const stream = process.stderr;
  const terminal = stream.isTTY && process.env.TERM !== 'dumb' && process.env.CI === undefined;
  if (options.quiet || !terminal) return plainHost(stream, options);
  return terminalHost(stream, { interactive: options.interactive && process.stdin.isTTY });
}

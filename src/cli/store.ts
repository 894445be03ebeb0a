import { CogplanError } from '../errors.ts';
import { startSpan } from '../events.ts';
import { formatBytes } from './hosts/format.ts';
import { type CommonOptions, print, printJson, withSession } from './session.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

export async function pathVerb(_argument: readonly string[], options: CommonOptions): Promise<number> {
  return withSession(options, async ({ context, json }) => {
    if (json) printJson({ path: context.store.root });
    else print(context.store.root);
    return 0;
  });
}

export async function listVerb(_argument: readonly string[], options: CommonOptions): Promise<number> {
  return withSession(options, async ({ context, json }) => {
    const blobs = [];
    for await (const blob of context.store.list()) {
      if (json) blobs.push(blob);
      else print(`${blob.sha256} ${blob.size}`);
    }
    if (json) printJson({ blobs });
    return 0;
  });
}

export async function verifyVerb(_argument: readonly string[], options: CommonOptions): Promise<number> {
  return withSession(options, async ({ context, json }) => {
    const span = startSpan(context.host, 'store.verify', 'Reading every blob', { unit: 'bytes' });
    const problems = await context.store.verify((done, total) => span.progress(done, total));
    span.end();
    if (json) {
      printJson({ problems });
    } else {
      for (const { sha256, problem, detail } of problems) print(`${problem} ${sha256}: ${detail}`);
      print(problems.length === 0 ? 'Every blob hashes to its name.' : `${problems.length} set aside in quarantine.`);
    }
    return problems.length === 0 ? 0 : 2;
  });
}

interface GcOptions extends CommonOptions {
  readonly olderThan: string;
  readonly dryRun?: boolean;
}

export async function gcVerb(_argument: readonly string[], options: GcOptions): Promise<number> {
  const days = Number(options.olderThan);
  if (!Number.isFinite(days) || days < 0) {
    throw new CogplanError('COGPLAN_USAGE', `--older-than ${options.olderThan} is not a number of days`, {
      subject: options.olderThan,
    });
  }
  return withSession(options, async ({ context, json }) => {
    const dryRun = options.dryRun ?? false;
    const { removed, bytes } = await context.store.gc({ keep: new Set(), olderThanMs: days * DAY_MS, dryRun });
    if (json) printJson({ removed, bytes, dryRun });
    else print(`${dryRun ? 'Would remove' : 'Removed'} ${removed} files, ${formatBytes(bytes)}.`);
    return 0;
  });
}

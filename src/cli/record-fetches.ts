import { CogplanError, printable } from '../errors.ts';
import { info, warn } from '../events.ts';
import { adoptRecorded, type Proposal } from '../run/record/adopt-recorded.ts';
import type { RecordedFetch, Recording } from '../run/record/recording.ts';
import { addFile, addWeights } from '../spec/add-to-project.ts';
import { surroundingsOf } from '../spec/adopt-fetches.ts';
import { SETTINGS_FILE } from '../spec/settings.ts';
import { changeSettings } from './change-settings.ts';
import { formatAmount } from './hosts/format.ts';
import { readUnlockedSpec } from './project-spec.ts';
import type { Session } from './session.ts';

/** What `--record` gives with `--json`, beside the prediction. */
export interface RecordedReport extends Recording {
  readonly proposals: readonly Proposal[];
  /** Whether cogplan.yaml has the proposals now. */
  readonly written: boolean;
}

export interface RecordFetchesRequest {
  readonly directory: string;
  readonly recording: Recording;
  /** What a run fetched that failed may be less than what the model needs: it is told, and not offered. */
  readonly succeeded: boolean;
  /** Write without asking. */
  readonly yes: boolean;
}

/** Tells what a run fetched, and offers it for cogplan.yaml, so that the next lock holds it. */
export async function recordFetches(session: Session, request: RecordFetchesRequest): Promise<RecordedReport> {
  const { host, json } = session;
  const { directory, recording, succeeded } = request;
  const spec = await readUnlockedSpec(directory, undefined);
  const proposals = adoptRecorded(recording.fetched, surroundingsOf(spec));
  const offered = succeeded ? proposals.filter(({ kind }) => kind === 'file' || kind === 'weights') : [];
  tell(session, recording, proposals);
  const written = offered.length > 0 && (request.yes || (!json && (await wanted(session, offered.length))));
  if (written) {
    await changeSettings(directory, (text) => offered.reduce(withProposal, text));
    info(host, 'record.written', `${SETTINGS_FILE} has them now: run \`cogplan lock\`.`);
  } else if (offered.length > 0) {
    info(host, 'record.offered', `Run it again with --record --yes to add them to ${SETTINGS_FILE}.`);
  }
  return { ...recording, proposals, written };
}

/** A run that is recorded has no network but the recorder, and the Docker Engine's sandbox cannot have that one. */
export function checkRecordable(options: {
  readonly sandbox?: string | undefined;
  readonly network?: string | undefined;
  readonly offline?: boolean | undefined;
}): void {
  const problem =
    options.sandbox === 'docker'
      ? 'needs the sandbox of bubblewrap: the Docker Engine may be on another machine'
      : options.network === 'none'
        ? 'and --network none exclude each other'
        : options.offline === true
          ? 'and --offline exclude each other'
          : undefined;
  if (problem === undefined) return;
  throw new CogplanError('COGPLAN_USAGE', `--record ${problem}`, {
    subject: '--record',
    hint: 'It runs the model once with what it fetches going through a recorder.',
  });
}

function withProposal(text: string, proposal: Proposal): string {
  if (proposal.kind === 'file') return addFile(text, proposal.file);
  return proposal.kind === 'weights' ? addWeights(text, proposal.weights) : text;
}

async function wanted({ host }: Session, count: number): Promise<boolean> {
  const answer = await host.ask({
    code: 'record.write',
    text: `Add ${count === 1 ? 'this entry' : `these ${count} entries`} to ${SETTINGS_FILE}, so that the next lock holds them?`,
    choices: ['yes', 'no'],
    fallback: 'no',
  });
  return answer === 'yes';
}

function tell({ host }: Session, { fetched, unpinnable }: Recording, proposals: readonly Proposal[]): void {
  if (fetched.length === 0 && unpinnable.length === 0) info(host, 'record.none', 'The model fetched nothing.');
  for (const item of fetched) info(host, 'record.fetched', `fetched in ${item.phase}: ${describe(item)}`);
  for (const { what, why, where } of unpinnable)
    warn(host, 'record.unpinnable', printable(`${where === undefined ? '' : `${where}: `}${what}: ${why}`));
  for (const proposal of proposals) {
    const note = proposal.note === undefined ? '' : `; ${proposal.note}`;
    if (proposal.kind === 'none') {
      for (const url of proposal.urls)
        warn(host, 'record.not-adopted', printable(`${url}: cannot be locked: ${proposal.why}`));
    } else if (proposal.kind === 'weights') {
      const { source, target, include = [] } = proposal.weights;
      const files = include.length === 1 ? '1 file' : `${include.length} files`;
      info(host, 'record.proposed', printable(`weights: ${source}, ${files}, at ${target}${note}`));
    } else if (proposal.kind === 'file') {
      const { url, path, unpack } = proposal.file;
      info(host, 'record.proposed', printable(`files: ${url} ${unpack === true ? 'unpacked ' : ''}at ${path}${note}`));
    }
  }
}

function describe({ url, final, sha256, size, path, hub }: RecordedFetch): string {
  const parts = [
    hub === undefined ? url : `${hub.repository}@${hub.revision}: ${hub.file}`,
    ...(final === undefined ? [] : [`by ${new URL(final).host}`]),
    ...(sha256 === undefined || size === undefined
      ? ['in parts']
      : [formatAmount(size, 'bytes'), `sha256 ${sha256.slice(0, 12)}…`]),
    ...(path === undefined ? [] : [`at ${path}`]),
  ];
  return printable(parts.join(', '));
}

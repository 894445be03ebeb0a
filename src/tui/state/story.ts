import { type Graph, graphOf, requirersOf } from '../../plan/diff/edges.ts';
import type { Change, LayerMove, Plan, Side } from '../../plan/diff/schema.generated.ts';
import { byteText, signedByteText } from './byte-text.ts';
import { whyNotHeld } from './can-hold.ts';
import { type Line, type Tone, wrapSpan } from './line.ts';
import { plainText } from './plain-text.ts';
import { decisionOn, type ReviewState } from './review-state.ts';
import { bytesOf, type FamilyRow, type Row } from './rows.ts';

/** One paragraph of a story, before it is broken into lines. */
export interface Paragraph {
  readonly text: string;
  readonly tone: Tone;
  readonly indent: string;
}

/** Values longer than this are told by their beginning. */
const VALUE_LIMIT = 2000;
const LIST_LIMIT = 200;

const KIND_WORDS: Record<Change['kind'], string> = {
  added: 'added',
  removed: 'removed',
  changed: 'changed',
  'other-bytes': 'SAME VERSION, OTHER BYTES',
  moved: 'same bytes from elsewhere',
  'hash-computed': 'hash computed here, for want of one in the index',
  detail: 'same version and bytes, other facts',
};

/** The story of the line under the cursor, in lines of at most `width` cells. */
export function storyLines(state: ReviewState, width: number): readonly Line[] {
  return storyOf(state, state.rows[state.cursor]).flatMap(({ text, tone, indent }) =>
    wrapSpan(text, width, { tone, indent }),
  );
}

/** What is known of a change or a family, paragraph by paragraph. */
export function storyOf(state: ReviewState, row: Row | undefined): readonly Paragraph[] {
  const chain = state.notice?.chain ?? [];
  const refusal =
    chain.length === 0 ? [] : [title('Why it cannot be held'), ...chain.map((link) => item(link, 'bad')), blank];
  if (row === undefined)
    return [...refusal, plain(state.filter === '' ? 'Nothing changes.' : 'Nothing passes the filter.')];
  return [...refusal, ...(row.kind === 'family' ? familyStory(state, row) : changeStory(state, row.change))];
}

export function kindWords(change: Change): string {
  return KIND_WORDS[change.kind];
}

function changeStory(state: ReviewState, change: Change): Paragraph[] {
  const { plan } = state;
  const decision = decisionOn(state, change);
  return [
    title(`${plainText(change.subject)} (${change.family}${change.platform === null ? '' : `, ${change.platform}`})`),
    { ...plain(KIND_WORDS[change.kind]), tone: change.kind === 'other-bytes' ? 'bad' : 'plain' },
    ...(decision === 'held' ? [{ ...plain('Held: keeps what the old lock has.'), tone: 'accent' as const }] : []),
    ...(state.moved.has(change.id) ? [plain('* The last resolution gave this otherwise than the one before.')] : []),
    blank,
    field('from', sideText(change.from)),
    field('to', sideText(change.to)),
    ...section(
      'Why',
      change.reasons.map(({ text }) => item(text)),
    ),
    ...(change.via.length > 1 ? [item(`asked for through ${change.via.join(' > ')}`)] : []),
    ...section(
      'Risk',
      change.risks.map(({ level, text }) => item(`${level}: ${text}`, level === 'high' ? 'bad' : 'warn')),
    ),
    ...section('Consequence', consequences(plan, change)),
    ...section('Needs', edges(change)),
    ...section('Needed by', neededBy(plan, change)),
    ...section('Files', files(change)),
    ...section('Differs in', details(change)),
    ...(decision === 'held' || whyNotHeld(change) === undefined
      ? []
      : section('Hold', [item(`Cannot be held: ${whyNotHeld(change)}.`)])),
  ];
}

function familyStory({ plan }: ReviewState, row: FamilyRow): Paragraph[] {
  const { summary } = plan;
  const counts = [
    [summary.added, 'added'],
    [summary.removed, 'removed'],
    [summary.changed, 'changed'],
    [summary.otherBytes, 'same version, other bytes'],
    [summary.moved, 'from elsewhere'],
    [summary.details, 'other facts'],
  ] as const;
  const { image, fetch } = summary;
  return [
    title(row.title),
    plain(`${count(row.changes.length, 'change')}${row.bytes === 0 ? '' : `, ${signedByteText(row.bytes)}`}`),
    ...section('The whole plan', [
      item(counts.flatMap(([number, word]) => (number === 0 ? [] : [`${number} ${word}`])).join(', ') || 'no changes'),
      ...(fetch === null ? [] : [item(`to fetch: ${count(fetch.files, 'file')}, ${byteText(fetch.bytes)}`)]),
      ...(image === null ? [] : [item(`image: ${amount(image.before)} -> ${amount(image.after)}`)]),
      ...(summary.layersMoved === null
        ? []
        : [item(`layers: ${summary.layersMoved} move, ${summary.layersKept ?? 0} stay`)]),
    ]),
    ...section(
      'Holds',
      plan.holds.map(({ subject, value, state, reason, until }) =>
        item(`${subject} ${value ?? ''} (${state}${until === undefined ? '' : `, until ${until}`}): ${reason}`),
      ),
    ),
    ...section(
      'Notes',
      plan.notes.map((note) => item(note)),
    ),
  ];
}

function consequences(plan: Plan, change: Change): Paragraph[] {
  const bytes = bytesOf(change);
  return [
    ...(change.fetch === undefined
      ? []
      : [item(change.fetch === 0 ? 'nothing to fetch' : `to fetch: ${byteText(change.fetch)}`)]),
    ...(bytes === 0 ? [] : [item(`artifact: ${signedByteText(bytes)}`)]),
    ...plan.layers
      .filter(({ layer, platform }) => change.layers.includes(layer) && (change.platform ?? platform) === platform)
      .map((move) => item(layerText(move))),
  ];
}

function layerText({ layer, kind, before, after }: LayerMove): string {
  const sizes = before === undefined && after === undefined ? '' : ` (${amount(before)} -> ${amount(after)})`;
  return `layer ${layer}: ${kind}${sizes}`;
}

function edges({ from, to }: Change): Paragraph[] {
  const [old, now] = [new Set(from?.requires ?? []), new Set(to?.requires ?? [])];
  return [
    ...[...now].map((edge) => item(`${from !== null && !old.has(edge) ? '+ ' : ''}${edge}`)),
    ...(to === null
      ? [...old].map((edge) => item(edge))
      : [...old].filter((edge) => !now.has(edge)).map((edge) => item(`- ${edge}`))),
  ].slice(0, LIST_LIMIT);
}

type Requirers = ReturnType<typeof requirersOf>;
const requirers = new WeakMap<Plan, Map<string, Requirers>>();

function neededBy(plan: Plan, { platform, family, subject, to }: Change): Paragraph[] {
  if (to === null || platform === null || (family !== 'python' && family !== 'system' && family !== 'runtime'))
    return [];
  const target = plan.lock.targets[platform];
  if (target === undefined) return [];
  const known = requirers.get(plan) ?? new Map<string, Requirers>();
  requirers.set(plan, known);
  const key = `${family}@${platform}`;
  const edgesOf = known.get(key) ?? requirersOf(graphOf(target, family) satisfies Graph);
  known.set(key, edgesOf);
  return (edgesOf.get(subject) ?? [])
    .slice(0, LIST_LIMIT)
    .map(({ node, text }) => item(`${node.name} ${node.version}${text === subject ? '' : `: ${text}`}`));
}

function files({ from, to }: Change): Paragraph[] {
  const side = (word: string, { sha256, size, url, index, released, licence }: Side): Paragraph[] => [
    ...(url === undefined ? [] : [item(`${word}: ${url}`)]),
    ...(size === undefined
      ? []
      : [item(`  ${byteText(size)}${released === undefined ? '' : `, released ${released}`}`)]),
    ...(sha256 === undefined ? [] : [item(`  sha256 ${sha256}`)]),
    ...(index === undefined ? [] : [item(`  index ${index}`)]),
    ...(licence === undefined ? [] : [item(`  licence ${licence}`)]),
  ];
  return [...(from === null ? [] : side('old', from)), ...(to === null ? [] : side('new', to))];
}

function details({ details: differing }: Change): Paragraph[] {
  return differing
    .slice(0, LIST_LIMIT)
    .map(({ field: name, from, to }) => item(`${name}: ${jsonText(from)} -> ${jsonText(to)}`));
}

function section(heading: string, paragraphs: readonly Paragraph[]): Paragraph[] {
  return paragraphs.length === 0 ? [] : [blank, title(heading), ...paragraphs];
}

const blank: Paragraph = { text: '', tone: 'plain', indent: '' };

function title(text: string): Paragraph {
  return { text: plainText(text), tone: 'strong', indent: '' };
}

function plain(text: string): Paragraph {
  return { text: plainText(text), tone: 'plain', indent: '' };
}

function item(text: string, tone: Tone = 'plain'): Paragraph {
  return { text: `  ${plainText(limited(text))}`, tone, indent: '    ' };
}

function field(name: string, value: string): Paragraph {
  return { text: `${name.padEnd(5)} ${plainText(limited(value))}`, tone: 'plain', indent: '      ' };
}

function sideText(side: Side | null): string {
  return side === null ? 'nothing' : side.value;
}

function jsonText(value: unknown): string {
  if (value === undefined) return 'not set';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function limited(text: string): string {
  return text.length <= VALUE_LIMIT ? text : `${text.slice(0, VALUE_LIMIT)}...`;
}

function amount(bytes: number | null | undefined): string {
  return bytes === null || bytes === undefined ? 'unknown' : byteText(bytes);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

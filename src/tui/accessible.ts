import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { openReview, type Resolve } from './open-review.ts';
import { signedByteText } from './state/byte-text.ts';
import type { Command } from './state/commands.ts';
import { undecidedCount } from './state/decide.ts';
import { plainText } from './state/plain-text.ts';
import { decisionOn, type Outcome, type ReviewState } from './state/review-state.ts';
import { buildRows, bytesOf, type ChangeRow, worstRisk } from './state/rows.ts';
import { kindWords, storyOf } from './state/story.ts';

export interface AccessibleOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly signal: AbortSignal;
  readonly resolve: Resolve;
}

interface Answer {
  readonly words: readonly string[];
  readonly help: string;
}

const ANSWERS = {
  accept: { words: ['1', 'a', 'y', 'accept'], help: 'accept this change' },
  hold: { words: ['2', 'h', 'hold'], help: 'hold: keep what the old lock has, and resolve the rest around it' },
  next: { words: ['3', 'n', 'next'], help: 'leave it undecided and go to the next' },
  previous: { words: ['4', 'p', 'previous'], help: 'go back to the previous' },
  story: { words: ['5', 's', 'story'], help: 'tell all about this change' },
  'accept-family': { words: ['6', 'A', 'accept-family'], help: 'accept every change of this family' },
  'hold-family': { words: ['7', 'H', 'hold-family'], help: 'hold every change of this family that can be held' },
  undo: { words: ['8', 'u', 'undo'], help: 'take the last decision back' },
  list: { words: ['9', 'l', 'list'], help: 'list all changes with their numbers' },
  go: { words: ['g', 'go'], help: 'go to a change: g 12' },
  write: { words: ['w', 'write'], help: 'write the lock' },
  save: { words: ['S', 'save'], help: 'save as a plan: S path' },
  leave: { words: ['q', 'quit'], help: 'leave; nothing is written' },
  help: { words: ['?', 'help'], help: 'these answers' },
} as const satisfies Record<string, Answer>;

type AnswerName = keyof typeof ANSWERS;

/** The review as numbered questions and plain lines: no cursor movement, no colour, nothing that only looks say. */
export async function accessibleReview(initial: ReviewState, options: AccessibleOptions): Promise<Outcome> {
  const review = openReview({ ...initial, folded: new Set() }, options.resolve);
  const lines = createInterface({ input: options.input, terminal: false });
  const answers = lines[Symbol.asyncIterator]();
  const interrupt = (): void => {
    review.dispatch({ kind: 'command', command: 'interrupt' });
    lines.close();
  };
  const say = (text = ''): void => void options.output.write(`${plainText(text)}\n`);
  const read = async (prompt: string): Promise<string | undefined> => {
    options.output.write(`${plainText(prompt)} `);
    const { value, done } = await answers.next();
    return done === true ? undefined : value.trim();
  };

  options.signal.addEventListener('abort', interrupt);
  try {
    const first = changesOf(review.state());
    say(`${initial.title}: ${first.length} ${first.length === 1 ? 'change' : 'changes'} to review.`);
    say('Answer by number or letter; ? tells all answers. Nothing is written before you say so.');
    let position = 0;
    let told: string | undefined;
    for (;;) {
      const state = review.state();
      const rows = changesOf(state);
      const done = position >= rows.length;
      const row = rows[Math.min(position, rows.length - 1)];
      const id = done ? undefined : row?.id;
      if (told !== (id ?? 'end')) {
        say();
        for (const line of row === undefined || done
          ? endLines(state)
          : questionLines(state, row, position, rows.length))
          say(line);
      }
      told = id ?? 'end';
      const text = await read(
        done ? 'Write (w), save (S path), previous (p), quit (q)?' : 'Accept (1), hold (2), next (3), more (?)?',
      );
      if (text === undefined) return options.signal.aborted ? { kind: 'interrupt' } : { kind: 'leave' };
      const [word = '', ...rest] = text.split(/\s+/);
      const argument = rest.join(' ');
      const answer = word === '' ? 'next' : answerOf(word);
      if (row !== undefined) review.dispatch({ kind: 'select', id: row.id });
      const decide = async (command: Command): Promise<void> => {
        review.dispatch({ kind: 'command', command });
        if (review.state().request !== undefined) say('Resolving again around what is held.');
        await review.settled();
        const { notice } = review.state();
        if (notice === undefined) return;
        say(notice.text);
        for (const link of notice.chain) say(`  ${link}`);
      };
      switch (answer) {
        case undefined:
          say(`"${word}" is no answer here. ? tells all answers.`);
          break;
        case 'help':
          for (const { words, help } of Object.values(ANSWERS)) say(`${words.join(', ')}: ${help}`);
          break;
        case 'next':
          position = Math.min(position + 1, rows.length);
          break;
        case 'previous':
          position = Math.max(0, position - 1);
          break;
        case 'go': {
          const number = Number(argument);
          if (Number.isInteger(number) && number >= 1 && number <= rows.length) position = number - 1;
          else say(`Name a number from 1 to ${rows.length}, such as: g 1`);
          break;
        }
        case 'list':
          for (const [index, other] of rows.entries()) say(`${index + 1}. ${summary(state, other)}`);
          break;
        case 'story':
          if (row !== undefined) for (const paragraph of storyOf(state, row)) say(paragraph.text);
          break;
        case 'accept':
        case 'hold':
        case 'accept-family':
        case 'hold-family':
          if (done) break;
          await decide(answer);
          position = nextPosition(review.state(), position, id);
          break;
        case 'undo':
          await decide('undo');
          told = undefined;
          break;
        case 'write':
        case 'leave':
        case 'save': {
          if (answer === 'save') review.dispatch({ kind: 'save', path: argument === '' ? state.savePath : argument });
          else review.dispatch({ kind: 'command', command: answer });
          const { mode } = review.state();
          if (mode.kind === 'confirm') {
            const reply = await read(mode.question);
            review.dispatch({ kind: 'key', key: /^y/i.test(reply ?? '') ? 'y' : 'n' });
          }
          break;
        }
      }
      const { outcome } = review.state();
      if (outcome !== undefined) return outcome;
    }
  } finally {
    options.signal.removeEventListener('abort', interrupt);
    review.close();
    lines.close();
  }
}

function answerOf(word: string): AnswerName | undefined {
  const names = Object.keys(ANSWERS) as AnswerName[];
  return names.find((name) => (ANSWERS[name].words as readonly string[]).includes(word));
}

function changesOf(state: ReviewState): readonly ChangeRow[] {
  return buildRows({ ...state, folded: new Set(), filter: '' }).flatMap((row) => (row.kind === 'change' ? [row] : []));
}

/** After a decision: the change that follows it, wherever the new plan has put it; the same one when nothing was decided. */
function nextPosition(state: ReviewState, position: number, id: string | undefined): number {
  const rows = changesOf(state);
  const at = rows.findIndex((row) => row.id === id);
  const row = rows[at];
  if (row === undefined) return Math.min(position, rows.length);
  return decisionOn(state, row.change) === 'undecided' ? at : at + 1;
}

function questionLines(state: ReviewState, row: ChangeRow, index: number, total: number): readonly string[] {
  const { reasons, risks } = row.change;
  return [
    `Change ${index + 1} of ${total}. ${summary(state, row)}`,
    ...reasons.slice(0, 3).map(({ text }) => `Why: ${text}`),
    ...risks.map(({ level, text }) => `Risk, ${level}: ${text}`),
  ];
}

function summary(state: ReviewState, { change }: ChangeRow): string {
  const { family, platform, subject, from, to } = change;
  const versions =
    from === null ? `new, ${to?.value ?? ''}` : to === null ? `was ${from.value}` : `from ${from.value} to ${to.value}`;
  const risk = worstRisk(change);
  return [
    `${family}${platform === null ? '' : ` for ${platform}`}: ${subject}, ${kindWords(change)}, ${versions}`,
    ...(bytesOf(change) === 0 ? [] : [signedByteText(bytesOf(change))]),
    ...(risk === undefined ? [] : [`risk ${risk.level}`]),
    decisionOn(state, change),
  ].join(', ');
}

function endLines(state: ReviewState): readonly string[] {
  const open = undecidedCount(state);
  const held = state.decisions.holds.size;
  return [`That was the last change. ${open} undecided, ${held} held.`];
}

import type { SimpleCommand } from '../../formats/debian/effects/shell-syntax.ts';
import { formatOf, placeArchive, readTar } from './commands/archives.ts';
import { readFetches } from './commands/fetch.ts';
import { writeText } from './commands/files.ts';
import { tellArchive } from './commands/system.ts';
import { invocationOf } from './invocation.ts';
import { type Invocation, notRead, type Outcome, type RunState } from './run-state.ts';

/** Programs that only show what comes through them. */
const FILTERS = new Set([
  'tail',
  'head',
  'cat',
  'grep',
  'egrep',
  'less',
  'more',
  'wc',
  'sort',
  'uniq',
  'cut',
  'column',
]);
/** What answers questions that another program asks. */
const ANSWERS = /^(?:y|yes|Y|n|\n)?$/;

/**
 * Two commands with a pipe between them: an archive that is unpacked as it comes, text to a file, a hash to be held to, the key of a package archive, a program whose messages are cut short or whose questions are
 * answered.
 */
export function readPipe(
  state: RunState,
  first: SimpleCommand,
  second: SimpleCommand,
  readSimple: (command: SimpleCommand) => Outcome,
): Outcome {
  const [from, to] = [invocationOf(state, first), invocationOf(state, second)];
  if ('why' in from || 'why' in to) return notRead('a pipe');
  if (FILTERS.has(to.name) && to.output === undefined && !['curl', 'wget', 'cat', 'echo'].includes(from.name)) {
    const outcome = readSimple(first);
    return outcome.class === 'step' ? notRead(`a pipe: ${outcome.why}`) : outcome;
  }
  if (from.name === 'yes' || (from.name === 'echo' && ['pip', 'pip3', 'apt-get', 'apt'].includes(to.name))) {
    const isAnswer = from.words.length <= 1 && ANSWERS.test(from.words[0] ?? '');
    const outcome = isAnswer ? readSimple(second) : notRead('a pipe');
    return outcome.class === 'step' ? notRead(`a pipe: ${outcome.why}`) : outcome;
  }
  if (from.name === 'curl' || from.name === 'wget') return fetchInto(state, from, to);
  const text = printedBy(from);
  if (text === undefined) return notRead('a pipe');
  if (to.name === 'tee') return teeInto(state, text, to);
  if (/^sha256sum$/.test(to.name)) return holdToHash(state, text, to);
  return notRead('a pipe');
}

/** The text that `echo`, `printf` or `cat` with a here-document prints, where it is the same in every shell. */
function printedBy({ name, words, input, output }: Invocation): string | undefined {
  if (output !== undefined) return undefined;
  if (name === 'cat') return words.length === 0 ? input : undefined;
  if (name !== 'echo') return undefined;
  const bare = words[0] === '-n' ? words.slice(1) : words;
  const text = bare.join(' ');
  return /\\|^-[neE]+(?: |$)/.test(text) ? undefined : `${text}${words[0] === '-n' ? '' : '\n'}`;
}

function teeInto(state: RunState, text: string, { words, output, input }: Invocation): Outcome {
  const append = words[0] === '-a' || words[0] === '--append';
  const [file, ...more] = append ? words.slice(1) : words;
  if (file === undefined || more.length > 0 || file.startsWith('-') || output !== undefined || input !== undefined)
    return notRead('a pipe to several files');
  return writeText(state, { path: state.resolve(file), text, append });
}

/** `echo "HASH  FILE" | sha256sum -c`: the file has to have this hash when it is locked. */
function holdToHash(state: RunState, text: string, { words }: Invocation): Outcome {
  const isCheck = words.some((word) => word === '-c' || word === '--check');
  const others = words.filter(
    (word) => !['-c', '--check', '-', '--status', '--quiet', '--strict', '-w'].includes(word),
  );
  if (!isCheck || others.length > 0) return notRead('a pipe');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const found = lines.map((line) => /^([0-9a-fA-F]{64}) [ *]?(\S.*)$/.exec(line.trim()));
  const files = found.map((match) => state.at(state.resolve(match?.[2] ?? '')));
  if (lines.length === 0 || files.some((file) => file?.url === undefined || file.unpack !== undefined))
    return notRead('it checks a file that no line before it fetched');
  for (const [index, file] of files.entries())
    if (file !== undefined) state.replace(file, { sha256: (found[index]?.[1] ?? '').toLowerCase() });
  return { class: 'file', why: `the hash of ${files.map((file) => file?.path).join(', ')}` };
}

/** `curl URL | tar xz -C DIR`, `wget -qO- KEY | gpg --dearmor`, `curl SCRIPT | sh`. */
function fetchInto(state: RunState, from: Invocation, to: Invocation): Outcome {
  if (to.name === 'bash' || to.name === 'sh' || to.name === 'python' || to.name === 'python3')
    return notRead('a pipe: it runs what it fetches, for which the step needs network: recorded');
  if (to.name === 'gpg' && to.words.includes('--dearmor')) return tellArchive(state, 'the key of a package archive');
  if (to.name === 'apt-key') return tellArchive(state, 'the key of a package archive');
  if (to.name === 'tee' && /^\/(?:etc\/apt|usr\/share\/keyrings)\//.test(to.words.at(-1) ?? ''))
    return tellArchive(state, 'the key of a package archive');
  if (to.name !== 'tar') return notRead('a pipe');
  const fetches = readFetches(state, from);
  const unpack = readTar(to.words);
  if (typeof fetches === 'string' || typeof unpack === 'string')
    return notRead(typeof fetches === 'string' ? fetches : String(unpack));
  const [fetch] = fetches;
  if (fetch === undefined || fetch.path !== undefined || unpack.archive !== '-') return notRead('a pipe');
  const format = unpack.format ?? formatOf(fetch.url);
  return format === undefined
    ? notRead('the kind of archive is not known')
    : placeArchive(state, { ...unpack, url: fetch.url, format });
}

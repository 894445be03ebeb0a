import type { SimpleCommand } from '../../formats/debian/effects/shell-syntax.ts';
import { formatOf, placeArchive, readTar } from './commands/archives.ts';
import { readFetches } from './commands/fetch.ts';
import { formatted, teeInto, writeText } from './commands/files.ts';
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
  const [source, sink] = [invocationOf(state, first), invocationOf(state, second)];
  if ('why' in source || 'why' in sink) return notRead('a pipe');
  const [from, to] = [withoutSudo(source), withoutSudo(sink)];
  if (state.functions.has(from.name) || state.functions.has(to.name)) return notRead('a pipe of a function');
  if (FILTERS.has(to.name) && to.output === undefined && !['curl', 'wget', 'cat', 'echo'].includes(from.name)) {
    const outcome = readSimple(first);
    if (outcome.class === 'step') return notRead(`a pipe: ${outcome.why}`);
    const { status: _, ...rest } = outcome;
    if (to.name !== 'grep' && to.name !== 'egrep') return rest;
    const isList = /^pip3?$/.test(from.name) && ['list', 'freeze'].includes(from.words[0] ?? '');
    const why = `whether ${to.words.join(' ')} is found is not known`;
    const asked = { ...(outcome.class === 'none' ? { why } : {}), ...(isList ? { asksFor: 'package' as const } : {}) };
    return { ...rest, ...asked, status: 'unknown' };
  }
  if (from.name === 'yes' || (from.name === 'echo' && ['pip', 'pip3', 'apt-get', 'apt'].includes(to.name))) {
    const isAnswer = from.words.length <= 1 && ANSWERS.test(from.words[0] ?? '');
    const outcome = isAnswer ? readSimple(second) : notRead('a pipe');
    return outcome.class === 'step' ? notRead(`a pipe: ${outcome.why}`) : outcome;
  }
  if (from.name === 'curl' || from.name === 'wget') return fetchInto(state, from, to);
  const text = printedBy(from);
  if (text === undefined) return notRead('a pipe');
  if (to.name === 'tee' && to.output === undefined && to.input === undefined) return teeInto(state, text, to.words);
  if (to.name === 'base64') return decodeInto(state, text, to);
  if (/^sha256sum$/.test(to.name)) return holdToHash(state, text, to);
  return notRead('a pipe');
}

function withoutSudo(invocation: Invocation): Invocation {
  const [name, ...words] = invocation.words;
  return invocation.name === 'sudo' && name !== undefined && !name.startsWith('-')
    ? { ...invocation, name, words }
    : invocation;
}

/** The text that `echo`, `printf` or `cat` with a here-document prints, where it is the same in every shell. */
function printedBy({ name, words, input, output }: Invocation): string | undefined {
  if (output !== undefined) return undefined;
  if (name === 'cat') return words.length === 0 ? input : undefined;
  if (name === 'printf') return formatted(words);
  if (name !== 'echo') return undefined;
  const bare = words[0] === '-n' ? words.slice(1) : words;
  const text = bare.join(' ');
  return /\\|^-[neE]+(?: |$)/.test(text) ? undefined : `${text}${words[0] === '-n' ? '' : '\n'}`;
}

/** `echo TEXT | base64 -d > FILE`, of text. */
function decodeInto(state: RunState, text: string, { words, output }: Invocation): Outcome {
  const [flag, ...more] = words.filter((word) => word !== '-');
  if (!['-d', '--decode', '-D'].includes(flag ?? '') || more.length > 0 || output === undefined)
    return notRead('a pipe');
  const plain = text.replace(/\n/g, '');
  const bytes = Buffer.from(plain, 'base64');
  const isWhole = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(plain);
  const decoded = bytes.toString('utf8');
  if (!isWhole || !Buffer.from(decoded, 'utf8').equals(bytes)) return notRead('a pipe of bytes that are no text');
  return writeText(state, { path: state.resolve(output.path), text: decoded, append: output.append });
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

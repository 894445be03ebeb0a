import type { YAMLError } from 'yaml';
import { CogplanError } from '../errors.ts';
import { oddCharacter, withPlainCharacters } from './odd-characters.ts';
import { certainFixes, indentations, oneLine, type Repair, withoutTabs } from './yaml-repairs.ts';

/** A place in a YAML file that is read otherwise than it is meant. */
export function yamlProblem(
  text: string,
  file: string,
  {
    offset,
    reason,
    hint,
    repair,
  }: { readonly offset: number; readonly reason: string; readonly hint: string; readonly repair?: Repair },
): CogplanError {
  const lines = text.split(/\r\n|\r|\n/);
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  const index = before.length - 1;
  const column = (before[index] ?? '').length + 1;
  return new CogplanError(
    'COGPLAN_SPEC_SYNTAX',
    `${file} is not valid YAML: ${reason}\n${excerpt(lines, index, column)}`,
    {
      where: { file, line: index + 1, column },
      hint,
      ...(repair === undefined ? {} : { data: { fixes: certainFixes(text, file, repair) } }),
    },
  );
}

/** A syntax error of a YAML file with its line, a caret below the place, and a repair found by looking at the text around it. */
export function yamlError(error: YAMLError, text: string, file: string): CogplanError {
  const lines = text.split(/\r\n|\r|\n/);
  const { index, column } = placeOf(error, text, lines);
  const line = index + 1;
  const { reason, hint, repair } = diagnose(error, lines, index, column);
  const fixes = repair === undefined ? [] : certainFixes(text, file, repair);
  return new CogplanError(
    'COGPLAN_SPEC_SYNTAX',
    `${file} is not valid YAML: ${reason}\n${excerpt(lines, index, column)}`,
    {
      where: { file, line, column },
      hint,
      ...(fixes.length === 0 ? {} : { data: { fixes } }),
    },
  );
}

interface Diagnosis {
  readonly reason: string;
  readonly hint: string;
  readonly repair?: Repair;
}

// An error found at the end of the text, or on an empty line, belongs to the last line that says something.
function placeOf(
  error: YAMLError,
  text: string,
  lines: readonly string[],
): { readonly index: number; readonly column: number } {
  const before = text.slice(0, error.pos[0]).split(/\r\n|\r|\n/);
  let index = before.length - 1;
  let column = (before[index] ?? '').length + 1;
  while (index > 0 && (lines[index] ?? '').trim() === '') {
    index--;
    column = (lines[index] ?? '').trimEnd().length + 1;
  }
  const line = lines[index] ?? '';
  const start = line.length - line.trimStart().length + 1;
  return { index, column: line.trim() === '' ? column : Math.max(column, start) };
}

function diagnose(error: YAMLError, lines: readonly string[], index: number, column: number): Diagnosis {
  const conflict = lines.findIndex((candidate) => /^(?:<{7}|={7}|>{7})(?: |$)/.test(candidate));
  if (conflict !== -1)
    return { reason: 'it holds merge-conflict markers', hint: `Resolve the conflict at line ${conflict + 1}.` };
  const odd = [index, previous(lines, index)].flatMap((at) => oddCharacter(structureOf(lines[at] ?? '')) ?? [])[0];
  if (odd !== undefined)
    return {
      reason: `${odd.text} stands where YAML wants a plain character`,
      hint: odd.instead,
      repair: plainStructure(lines),
    };
  const tab = [index, index - 1].find((candidate) => /^ *\t/.test(lines[candidate] ?? ''));
  if (error.code === 'TAB_AS_INDENT' || tab !== undefined) {
    return {
      reason: 'a tab indents the line',
      hint: 'Indent with spaces: YAML takes no tabs there.',
      repair: { text: 'indent with spaces instead of tabs', ways: [2, 4, 8].map((width) => withoutTabs(lines, width)) },
    };
  }
  if (error.code === 'DUPLICATE_KEY') return duplicateKey(lines, index);
  if (error.code === 'MULTIPLE_DOCS')
    return {
      reason: 'it holds more than one document',
      hint: `Remove the "---" at line ${index + 1}, or what follows it.`,
    };
  return (
    openQuote(error, lines, index) ??
    openBracket(error, lines, index) ??
    bareItem(lines, index) ??
    missingColon(lines, index) ??
    missingDash(lines, index) ??
    spacedTarget(lines, index) ??
    strayComma(lines, index) ??
    bracketInside(error, lines, index) ??
    trailingColon(lines, index) ??
    colonInside(error, lines, index) ??
    badIndent(error, lines, index, column) ?? {
      reason: lowerFirst(error.message.split('\n')[0] ?? ''),
      hint: HINTS[error.code] ?? 'Compare the line with its neighbours: indentation, colons, dashes and quotes.',
    }
  );
}

const HINTS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  BAD_SCALAR_START: 'Put the value in quotes: YAML gives that character a meaning of its own.',
  BAD_ALIAS: 'Put the value in quotes: "*" and "&" have a meaning of their own in YAML.',
  MISSING_CHAR: 'Look for a quote, bracket, comma or colon that is missing on the line or before it.',
  BAD_DQ_ESCAPE: 'Use single quotes, or write each backslash twice.',
  UNEXPECTED_TOKEN: 'Put the whole value in quotes, or remove what does not belong there.',
};

function duplicateKey(lines: readonly string[], index: number): Diagnosis {
  const [, indent = '', key = ''] = /^(\s*)(?:- )?["']?([\w.-]+)["']?\s*:/.exec(lines[index] ?? '') ?? [];
  const first = lines.findIndex(
    (line, at) => at < index && line.startsWith(indent) && new RegExp(`^\\s*["']?${escaped(key)}["']?\\s*:`).test(line),
  );
  return {
    reason: `the key "${key}" stands twice`,
    hint: first === -1 ? 'Keep one of the two.' : `Keep one of the two; the first is at line ${first + 1}.`,
  };
}

function openQuote(error: YAMLError, lines: readonly string[], index: number): Diagnosis | undefined {
  if (error.code !== 'MISSING_CHAR' || !/quote/.test(error.message)) return undefined;
  const quote = /"/.test(error.message) || /double/i.test(error.message) ? '"' : "'";
  for (let at = index; at >= 0; at--) {
    const line = lines[at] ?? '';
    if ((line.split(quote).length - 1) % 2 === 1) {
      return {
        reason: `a closing ${quote} is missing`,
        hint: `Close the quote of line ${at + 1}.`,
      };
    }
  }
  return undefined;
}

/** All such characters of the file, wherever they stand in what comes before a value. */
export function plainStructure(lines: readonly string[]): Repair {
  const way = lines.flatMap((line, at) => {
    const structure = structureOf(line);
    const plain = withPlainCharacters(structure);
    return plain === structure ? [] : [[at, `${plain}${line.slice(structure.length)}`] as const];
  });
  return { text: 'put plain characters in their place', ways: [way] };
}

/** What comes before a value: indentation, dash, key and colon. */
function structureOf(line: string): string {
  return /^[^:#"'[{]*[:\uff1a]?/.exec(line)?.[0] ?? '';
}

// `["a", "b"` without its end is noticed only where the next key begins.
function openBracket(error: YAMLError, lines: readonly string[], index: number): Diagnosis | undefined {
  if (!/flow|bracket|indent/i.test(error.message) && error.code !== 'BAD_INDENT') return undefined;
  for (const at of [index, previous(lines, index)]) {
    const plain = (lines[at] ?? '').replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '').replace(/(?:^|\s)#.*$/, '');
    for (const [open, close] of [
      ['[', ']'],
      ['{', '}'],
    ] as const) {
      if (plain.split(open).length > plain.split(close).length && /^\s*(?:- )?(?:[\w.-]+:\s*)?[[{]/.test(plain))
        return {
          reason: `a closing ${close} is missing`,
          hint: `Close the ${open} of line ${at + 1}.`,
          repair: oneLine(at, `${(lines[at] ?? '').trimEnd()}${close}`, `close the ${open} of line ${at + 1}`),
        };
    }
  }
  return undefined;
}

// A word below list items, as far in as their dashes.
function bareItem(lines: readonly string[], index: number): Diagnosis | undefined {
  const line = lines[index] ?? '';
  const before = lines[previous(lines, index)] ?? '';
  const dash = /^(\s*)- /.exec(before)?.[1];
  if (dash === undefined || /^\s*-(?: |$)/.test(line) || /:(?: |$)/.test(line)) return undefined;
  const indent = /^\s*/.exec(line)?.[0] ?? '';
  if (indent !== dash || line.trim() === '') return undefined;
  const glued = /^\s*-\S/.test(line);
  return {
    reason: glued ? 'a space is missing after the dash' : 'a list item lacks its dash',
    hint: `Write "- " before the item at line ${index + 1}.`,
    repair: oneLine(index, line.replace(/^(\s*)-?/, '$1- '), `write "- " before the item of line ${index + 1}`),
  };
}

// `gpu true` and `gpu:true`; the parser notices only where the next key begins.
function missingColon(lines: readonly string[], index: number): Diagnosis | undefined {
  for (const at of [index, previous(lines, index)]) {
    const line = lines[at] ?? '';
    const glued = /^\s*([A-Za-z_]+):(?=[^\s/:])/.exec(line);
    if (glued !== null)
      return {
        reason: `a space is missing after "${glued[1]}:"`,
        hint: `Write a space after the colon at line ${at + 1}.`,
        repair: oneLine(at, line.replace(/:/, ': '), `write a space after "${glued[1]}:"`),
      };
    const bare = /^\s*([a-z_]+)(?:\s+(?:"[^"]*"|'[^']*'|true|false|[0-9.]+))?\s*(?:#.*)?$/.exec(line);
    if (bare !== null)
      return {
        reason: `a colon is missing after "${bare[1]}"`,
        hint: `Write "${bare[1]}:" at line ${at + 1}.`,
        repair: oneLine(at, line.replace(bare[1] ?? '', `${bare[1]}:`), `write ${bare[1]}:`),
      };
  }
  return undefined;
}

// A quoted string alone on its line, below or beside list items.
function missingDash(lines: readonly string[], index: number): Diagnosis | undefined {
  for (const at of [index, previous(lines, index)]) {
    const line = lines[at] ?? '';
    if (!/^\s*(?:"[^"]*"|'[^']*')\s*(?:#.*)?$/.test(line)) continue;
    const before = lines[previous(lines, at)] ?? '';
    if (/^\s*(?:- |[\w]+:\s*$|["'])/.test(before)) {
      return {
        reason: 'a list item lacks its dash',
        hint: `Write "- " before the item at line ${at + 1}.`,
        repair: oneLine(at, line.replace(/^\s*/, '$&- '), `write "- " before the item of line ${at + 1}`),
      };
    }
  }
  return undefined;
}

// `predict: predict.py: Predictor`
function spacedTarget(lines: readonly string[], index: number): Diagnosis | undefined {
  const [, key, module, name] = /^((?:run|predict|train):\s+)(\S+\.py):\s+(\w+)\s*$/.exec(lines[index] ?? '') ?? [];
  if (key === undefined) return undefined;
  return {
    reason: 'a space stands between the file and its class',
    hint: `Write ${module}:${name}`,
    repair: oneLine(index, `${key}"${module}:${name}"`, `write "${module}:${name}"`),
  };
}

const ENDS_IN_COMMA = /^(\s*- (?:"[^"]*"|'[^']*')),\s*$/;

// `- "six",`, as in a list of another language.
function strayComma(lines: readonly string[], index: number): Diagnosis | undefined {
  if (!ENDS_IN_COMMA.test(lines[index] ?? '')) return undefined;
  const all = lines.flatMap((line, at) => {
    const item = ENDS_IN_COMMA.exec(line)?.[1];
    return item === undefined ? [] : [[at, item] as const];
  });
  return {
    reason: 'a comma ends an item that stands on a line of its own',
    hint: 'Remove the comma: a dash begins the next item.',
    repair: { text: 'remove the commas behind items', ways: [all] },
  };
}

// `[uvicorn[standard], six]`
function bracketInside(error: YAMLError, lines: readonly string[], index: number): Diagnosis | undefined {
  const line = lines[index] ?? '';
  if (error.code !== 'MISSING_CHAR' && error.code !== 'BAD_INDENT' && !/flow/i.test(error.message)) return undefined;
  const bare = /(?<=[[,]\s*)([A-Za-z0-9][\w.-]*\[[\w,\s.-]*\][^,\]"']*)(?=\s*[,\]])/g;
  const quoted = line.replace(bare, (item) => `'${item.trim()}'`);
  if (quoted === line) return undefined;
  const [first = ''] = line.match(bare) ?? [];
  return {
    reason: `the brackets of ${first.trim()} stand for a list, without quotes`,
    hint: `Put it in quotes: '${first.trim()}'`,
    repair: oneLine(index, quoted, 'put what has brackets in quotes'),
  };
}

// `python_version: "3.11":`
function trailingColon(lines: readonly string[], index: number): Diagnosis | undefined {
  const [, kept] = /^(\s*[\w-]+:\s+(?:"[^"]*"|'[^']*'|[\w.]+)):\s*$/.exec(lines[index] ?? '') ?? [];
  if (kept === undefined) return undefined;
  return {
    reason: 'a colon stands behind the value',
    hint: `Remove the colon at the end of line ${index + 1}.`,
    repair: oneLine(index, kept, `remove the colon at the end of line ${index + 1}`),
  };
}

function colonInside(error: YAMLError, lines: readonly string[], index: number): Diagnosis | undefined {
  const line = lines[index] ?? '';
  const item = /^(\s*(?:- |[\w]+:\s+))(?!["'])(.*: .*)$/.exec(line);
  if (
    item === null ||
    (error.code !== 'BLOCK_AS_IMPLICIT_KEY' &&
      error.code !== 'BLOCK_IN_FLOW' &&
      error.code !== 'UNEXPECTED_TOKEN' &&
      !/compact mapping|implicit key/i.test(error.message))
  )
    return undefined;
  return {
    reason: 'the value holds ": ", which makes it a mapping',
    hint: `Put the whole value in quotes: ${item[1]?.trim()} '${(item[2] ?? '').replaceAll("'", "''").slice(0, 120)}'`,
    ...(line.includes('#')
      ? {}
      : {
          repair: oneLine(
            index,
            `${item[1]}'${(item[2] ?? '').trimEnd().replaceAll("'", "''")}'`,
            'put the value in quotes',
          ),
        }),
  };
}

function badIndent(error: YAMLError, lines: readonly string[], index: number, column: number): Diagnosis | undefined {
  if (error.code !== 'BAD_INDENT' && !/same column|indent|block (?:sequence|mapping|collection)/i.test(error.message))
    return undefined;
  const line = lines[index] ?? '';
  const isItem = /^\s*- /.test(line);
  const indent = line.length - line.trimStart().length;
  for (let at = index - 1; at >= 0; at--) {
    const other = lines[at] ?? '';
    if (other.trim() === '' || other.trimStart().startsWith('#') || /^\s*- /.test(other) !== isItem) continue;
    const wanted = other.length - other.trimStart().length;
    if (wanted === indent) continue;
    return {
      reason: `the line is indented by ${indent} ${indent === 1 ? 'space' : 'spaces'}, its neighbours by ${wanted}`,
      hint: `Indent it by ${wanted} spaces, as line ${at + 1}.`,
      repair: {
        text: `indent line ${index + 1} by ${wanted} spaces`,
        ways: indentations(lines, index, wanted),
      },
    };
  }
  return {
    reason: lowerFirst(error.message.split('\n')[0] ?? ''),
    hint: `Align column ${column} with the lines around it, with spaces.`,
  };
}

function previous(lines: readonly string[], index: number): number {
  let at = index - 1;
  while (at >= 0 && ((lines[at] ?? '').trim() === '' || (lines[at] ?? '').trimStart().startsWith('#'))) at--;
  return at;
}

function excerpt(lines: readonly string[], index: number, column: number): string {
  const first = Math.max(0, index - 1);
  const width = String(index + 1).length;
  const shown = lines.slice(first, index + 1).map((line, offset) => {
    const number = String(first + offset + 1).padStart(width);
    return `  ${number} | ${line.replaceAll('\t', '→').slice(0, 160)}`;
  });
  return [...shown, `  ${' '.repeat(width)} | ${' '.repeat(Math.min(column, 160) - 1)}^`].join('\n');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

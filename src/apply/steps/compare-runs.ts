import { closeSync, openSync, readSync } from 'node:fs';
import type { FileEntry, LayerEntry } from '../layers/entry.ts';
import type { StepResult } from './run-step.ts';
import { OTHER_SURROUNDINGS, SEALED_SURROUNDINGS, type Surroundings } from './surroundings.ts';

export type Cause = 'time' | 'random' | 'order' | 'path' | 'CPU' | 'machine';

/** A path that two runs of a step left differently. */
export interface Unsteady {
  readonly path: string;
  readonly cause: Cause;
  readonly detail: string;
}

const LOOKED_AT = 4 * 1024 * 1024;
/** Seconds around a run within which a number is taken for its time. */
const NEAR = 5;

/** What differs between two runs of one step, each with its likely cause. Empty: the step gives the same layer twice. */
export function compareRuns(first: StepResult, second: StepResult): readonly Unsteady[] {
  const [a, b] = [byPath(first.entries), byPath(second.entries)];
  const found: Unsteady[] = [];
  for (const path of [...new Set([...a.keys(), ...b.keys()])]) {
    const [left, right] = [a.get(path), b.get(path)];
    if (left === undefined || right === undefined) {
      found.push(nameCause(path, left === undefined ? second : first, left === undefined ? 'second' : 'first'));
    } else if (left.type !== right.type || left.mode !== right.mode) {
      found.push({ path, cause: 'random', detail: 'type or mode differ' });
    } else if (left.type === 'symlink' && right.type === 'symlink' && left.target !== right.target) {
      found.push({ path, ...textCause(left.target, right.target, [first, second]) });
    } else if (left.type === 'file' && right.type === 'file') {
      const [one, two] = [head(left), head(right)];
      if (left.size !== right.size || !one.equals(two) || !sameTail(left, right)) {
        found.push({ path, ...bytesCause(one, two, [first, second]) });
      }
    }
  }
  return found;
}

type Runs = readonly [StepResult, StepResult];
type Named = Omit<Unsteady, 'path'>;

function byPath(entries: readonly LayerEntry[]): ReadonlyMap<string, LayerEntry> {
  return new Map(entries.map((entry) => [entry.path, entry]));
}

function nameCause(path: string, run: StepResult, which: string): Unsteady {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const cause = holdsTime(name, run) ? 'time' : 'random';
  return { path, cause, detail: `only the ${which} run leaves it` };
}

function bytesCause(one: Buffer, two: Buffer, runs: Runs): Named {
  const text = isText(one) && isText(two);
  if (text) return textCause(one.toString('utf8'), two.toString('utf8'), runs);
  const told = surroundingsCause(one.toString('latin1'), two.toString('latin1'));
  if (told !== undefined) return told;
  if (differsByTime(one, two, runs)) return { cause: 'time', detail: 'holds the time of the run' };
  if (sameBytes(one, two)) return { cause: 'order', detail: 'the same bytes in another order' };
  return { cause: 'random', detail: firstDifference(one, two) };
}

const CPU: Named = { cause: 'CPU', detail: 'depends on the processor or on how many there are' };
const SHOWN: readonly (readonly [keyof Surroundings, Named])[] = [
  ['processor', CPU],
  ['kernel', { cause: 'machine', detail: 'holds the version of the kernel' }],
  ['memory', { cause: 'machine', detail: 'holds how much memory there is' }],
  ['load', { cause: 'machine', detail: 'holds the load of the machine' }],
  ['bootId', { cause: 'machine', detail: 'holds the number that each start of a machine gives' }],
  ['uptime', { cause: 'time', detail: 'holds how long the machine has been running' }],
];

function textCause(one: string, two: string, runs: Runs): Named {
  const told = surroundingsCause(one, two);
  if (told !== undefined) return told;
  const [left, right] = [one.split('\n'), two.split('\n')];
  if ([...left].sort().join('\n') === [...right].sort().join('\n')) {
    return { cause: 'order', detail: 'the same lines in another order' };
  }
  const [from, to] = differing(left, right);
  if (holdsTime(from, runs[0]) && holdsTime(to, runs[1]))
    return { cause: 'time', detail: `${shown(from)} / ${shown(to)}` };
  if (/\/(?:tmp|var\/tmp)\//.test(from) && /\/(?:tmp|var\/tmp)\//.test(to)) {
    return { cause: 'path', detail: `${shown(from)} / ${shown(to)}` };
  }
  if (differsByCount(from, to)) return CPU;
  const sorted = (line: string): string =>
    line
      .split(/[\s,;]+/)
      .sort()
      .join(' ');
  if (sorted(from) === sorted(to)) return { cause: 'order', detail: `${shown(from)} / ${shown(to)}` };
  const isAddress = from !== to && withoutAddresses(from) === withoutAddresses(to);
  if (isAddress) return { cause: 'random', detail: `an address in memory: ${shown(from)} / ${shown(to)}` };
  return { cause: 'random', detail: `${shown(from)} / ${shown(to)}` };
}

/** What the two runs were shown differently of the machine, and both hold. */
function surroundingsCause(one: string, two: string): Named | undefined {
  return SHOWN.find(
    ([name]) => one.includes(String(SEALED_SURROUNDINGS[name])) && two.includes(String(OTHER_SURROUNDINGS[name])),
  )?.[1];
}

/** One run may use one processor, the other all: counts are what is 1 in the one and a small number in the other. */
function differsByCount(from: string, to: string): boolean {
  const [left, right] = [from.split(/(\d+)/), to.split(/(\d+)/)];
  if (left.length !== right.length) return false;
  const differing = left.flatMap((part, index) => (part === right[index] ? [] : [[part, right[index] ?? ''] as const]));
  return differing.length > 0 && differing.every(([a, b]) => a === '1' && /^\d{1,3}$/.test(b) && Number(b) > 1);
}

function withoutAddresses(text: string): string {
  return text.replace(/\b(?:0x)?[0-9a-f]{9,16}\b/g, 'ADDRESS');
}

function differing(left: readonly string[], right: readonly string[]): readonly [string, string] {
  const index = left.findIndex((line, place) => line !== right[place]);
  return index === -1 ? ['', right[left.length] ?? ''] : [left[index] ?? '', right[index] ?? ''];
}

/** A number of seconds (or milli-, micro-, nanoseconds) close to the run, or a date of its day. */
function holdsTime(text: string, run: StepResult): boolean {
  for (const digits of text.match(/\d{10,19}/g) ?? []) {
    const seconds = Number(digits.slice(0, 10));
    if (seconds >= run.started - NEAR && seconds <= run.ended + NEAR) return true;
  }
  const day = new Date(run.ended * 1000);
  const days = [run.started, run.ended].map((time) => new Date(time * 1000));
  const year = String(day.getUTCFullYear());
  const clock = days.some((date) => text.includes(date.toISOString().slice(11, 15)));
  return text.includes(year) || clock;
}

/** Where bytes differ, both hold a 32-bit number of seconds close to their runs, in either byte order; or a DOS time. */
function differsByTime(one: Buffer, two: Buffer, [first, second]: Runs): boolean {
  const at = one.findIndex((byte, index) => byte !== two[index]);
  if (at === -1) return false;
  const near = (bytes: Buffer, run: StepResult): boolean => {
    for (let start = Math.max(0, at - 7); start <= at && start + 4 <= bytes.length; start++) {
      for (const seconds of [bytes.readUInt32LE(start), bytes.readUInt32BE(start)]) {
        if (seconds >= run.started - NEAR && seconds <= run.ended + NEAR) return true;
      }
      if (isDosTime(bytes, start, run)) return true;
    }
    return false;
  };
  return (near(one, first) && near(two, second)) || (holdsTimeText(one, at, first) && holdsTimeText(two, at, second));
}

/** A number of seconds in the digits of an archive's header: octal in tar, hexadecimal in cpio, decimal in ar. */
function holdsTimeText(bytes: Buffer, at: number, { started, ended }: StepResult): boolean {
  const text = bytes.toString('latin1', Math.max(0, at - 11), at + 11);
  const isNear = (seconds: number): boolean => seconds >= started - NEAR && seconds <= ended + NEAR;
  return (
    [...text.matchAll(/(?=([0-7]{11}))/g)].some(([, digits]) => isNear(Number.parseInt(digits ?? '', 8))) ||
    [...text.matchAll(/(?=(\d{10}))/g)].some(([, digits]) => isNear(Number(digits))) ||
    [...text.matchAll(/(?=([0-9a-f]{8}))/gi)].some(([, digits]) => isNear(Number.parseInt(digits ?? '', 16)))
  );
}

function isDosTime(bytes: Buffer, start: number, run: StepResult): boolean {
  const [time, date] = [bytes.readUInt16LE(start), bytes.readUInt16LE(start + 2)];
  const value = Date.UTC(
    1980 + (date >> 9),
    ((date >> 5) & 15) - 1,
    date & 31,
    time >> 11,
    (time >> 5) & 63,
    (time & 31) * 2,
  );
  return value / 1000 >= run.started - NEAR && value / 1000 <= run.ended + NEAR;
}

function sameBytes(one: Buffer, two: Buffer): boolean {
  return one.length === two.length && Buffer.from(one).sort().equals(Buffer.from(two).sort());
}

function firstDifference(one: Buffer, two: Buffer): string {
  const at = one.findIndex((byte, index) => byte !== two[index]);
  return `differs from byte ${at === -1 ? Math.min(one.length, two.length) : at} on`;
}

function isText(bytes: Buffer): boolean {
  return !bytes.subarray(0, 8192).includes(0);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

function head(entry: FileEntry): Buffer {
  return readPart(entry, 0, LOOKED_AT);
}

function sameTail(one: FileEntry, two: FileEntry): boolean {
  for (let offset = LOOKED_AT; offset < one.size; offset += LOOKED_AT) {
    if (!readPart(one, offset, LOOKED_AT).equals(readPart(two, offset, LOOKED_AT))) return false;
  }
  return true;
}

function readPart({ content, size }: FileEntry, offset: number, length: number): Buffer {
  if (content.kind !== 'slice') return content.kind === 'bytes' ? Buffer.from(content.data) : Buffer.alloc(0);
  const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
  const descriptor = openSync(content.file, 'r');
  try {
    for (let done = 0; done < buffer.length; ) {
      const got = readSync(descriptor, buffer, done, buffer.length - done, content.offset + offset + done);
      if (got === 0) break;
      done += got;
    }
  } finally {
    closeSync(descriptor);
  }
  return buffer;
}

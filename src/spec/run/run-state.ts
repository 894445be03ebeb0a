import { posix } from 'node:path';
import type { Where } from '../../errors.ts';
import type { FunctionCommand } from '../../formats/debian/effects/shell-syntax.ts';
import type { Located } from '../spec.ts';
import { hasPlaceholder, NeedsPlatform, onPlatform } from './on-platform.ts';
import type {
  InstalledPackage,
  InstalledRequirement,
  Placement,
  RunClass,
  RunPart,
  RunPlatform,
  RunStep,
  RunWeights,
  TreeRequirements,
} from './run-reading.ts';

/** A placement before it has its position. */
export type Placing = Omit<Placement, 'order' | 'from' | 'where'>;

/** Directories of every image. */
const STANDARD = new Set(
  '/ /bin /etc /home /lib /lib64 /media /mnt /opt /root /run /sbin /srv /src /tmp /usr /usr/bin /usr/include /usr/lib /usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu /usr/local /usr/local/bin /usr/local/etc /usr/local/include /usr/local/lib /usr/local/sbin /usr/local/share /usr/sbin /usr/share /usr/src /var /var/cache /var/lib /var/log /var/tmp'.split(
    ' ',
  ),
);

/** What is known of an image before its first command. */
export interface Surroundings {
  /** Placeholders for the processor stand for this one's; without, whatever depends on it throws NeedsPlatform. */
  readonly platform?: RunPlatform;
  /** The image begins with another image, whose files are not known here. */
  readonly onImage: boolean;
  /** Packages may come from archives that keep to no policy for paths. */
  readonly foreignArchives: boolean;
  /** Paths that cogplan.yaml puts there before the commands; `whole`: as a directory of files that are not known. */
  readonly files: readonly { readonly path: string; readonly whole: boolean }[];
  /** Commands that are to be run, by their place, and why. */
  readonly asSteps: ReadonlyMap<string, string>;
}

export const PLAIN: Surroundings = { onImage: false, foreignArchives: false, files: [], asSteps: new Map() };

/** Installers whose packages are locked when the line can be read. */
const INSTALLS = /(?:^|[\s;&|("'])((?:pip3?|apt-get|apt)(?:\s+-\S+)*\s+install)\b/;

/**
 * What the commands read so far have put into the image, as far as it is known. A command that is run may change anything, so that what was known before it is only looked
 * at by commands that are run too.
 */
export class RunState {
  readonly placements: Placement[] = [];
  readonly steps: RunStep[] = [];
  readonly requirements: InstalledRequirement[] = [];
  readonly treeRequirements: TreeRequirements[] = [];
  readonly systemPackages: InstalledPackage[] = [];
  readonly weights: RunWeights[] = [];
  readonly warnings: Located<string>[] = [];
  readonly surroundings: Surroundings;
  /** Of the command that is being read. */
  cwd = '/';
  variables = new Map<string, string>();
  functions = new Map<string, FunctionCommand>();
  /** Names of variables that programs are given. */
  exported = new Set<string>();
  /** What the function that is being read has to give back: values from before it. */
  locals: Map<string, string | undefined> | undefined;
  from = '';
  where: Where = { file: '' };
  /** Turns of loops that may still be read: loops in loops grow without bound. */
  turns = 1000;
  #order = 0;
  /** Placements before this one lie below a step. */
  #floor = 0;

  constructor(surroundings: Surroundings = PLAIN) {
    this.surroundings = surroundings;
  }

  startCommand(from: string, where: Where): void {
    this.cwd = '/';
    this.variables = new Map([['HOME', '/root']]);
    this.functions = new Map();
    this.exported = new Set();
    this.from = from;
    this.where = where;
  }

  resolve(path: string): string {
    return posix.resolve(this.cwd, this.concrete(path));
  }

  /** Text as it is on the platform that is read for. Throws NeedsPlatform. */
  concrete(text: string): string {
    if (!hasPlaceholder(text)) return text;
    const { platform } = this.surroundings;
    if (platform === undefined) throw new NeedsPlatform();
    return onPlatform(text, platform);
  }

  /** What is known to lie at a path; undefined says nothing about the path. */
  at(path: string): Placement | undefined {
    for (let index = this.placements.length - 1; index >= this.#floor; index--) {
      if (this.placements[index]?.path === path) return this.placements[index];
    }
    return undefined;
  }

  /** The innermost git tree that a path lies in. */
  treeOf(path: string): Placement | undefined {
    for (let at = path; ; at = posix.dirname(at)) {
      const known = this.at(at);
      if (known?.git !== undefined) return known;
      if (at === '/') return undefined;
    }
  }

  isDirectory(path: string): boolean {
    return STANDARD.has(path) || this.at(path)?.kind === 'directory';
  }

  /** A directory of every image. */
  isStandard(path: string): boolean {
    return STANDARD.has(path);
  }

  /** Known to be no directory's content of which nothing is known: where it lies was made by a command, or is a directory of every image. */
  isKnownPlace(path: string): boolean {
    const parent = posix.dirname(path);
    const known = this.at(parent);
    return STANDARD.has(parent) || (known !== undefined && known.unpack === undefined && known.git === undefined);
  }

  place(placing: Placing): void {
    const { from, where } = this;
    this.placements.push({ order: this.#order++, from, where, ...placing });
  }

  replace(before: Placement, change: Partial<Placing>): void {
    const index = this.placements.indexOf(before);
    this.placements[index] = { ...before, ...change };
  }

  remove(before: Placement): void {
    this.placements.splice(this.placements.indexOf(before), 1);
  }

  /** What is known to lie below a directory. */
  below(path: string): readonly Placement[] {
    return this.placements.slice(this.#floor).filter((item) => item.path.startsWith(`${path}/`));
  }

  /** Runs `work`; when it cannot be read, everything is as it was before. */
  attempt(work: () => Outcome): Outcome {
    const lists: readonly unknown[][] = [
      this.placements,
      this.requirements,
      this.treeRequirements,
      this.systemPackages,
      this.weights,
      this.warnings,
    ];
    const before = lists.map((list) => [...list]);
    const { cwd } = this;
    const [order, variables] = [this.#order, new Map(this.variables)];
    const [functions, exported] = [new Map(this.functions), new Set(this.exported)];
    const outcome = work();
    if (outcome.class !== 'step') return outcome;
    for (const [index, list] of lists.entries()) list.splice(0, list.length, ...(before[index] ?? []));
    this.cwd = cwd;
    this.variables = variables;
    this.functions = functions;
    this.exported = exported;
    this.#order = order;
    return outcome;
  }

  run(command: string, why: string, secrets: RunStep['secrets']): void {
    const { from, where } = this;
    this.steps.push({ order: this.#order++, from, where, command, why, secrets });
    const installs = INSTALLS.exec(command)?.[1];
    if (installs !== undefined)
      this.warn(
        `${installs} is run as it stands (${why}), in an image that has no ${installs.split(' ')[0]} of its own, without a network: write it as a line by itself, which is locked`,
      );
    this.#floor = this.placements.length;
  }

  warn(text: string): void {
    this.warnings.push({ value: text, where: this.where });
  }
}

/** Whether a command succeeds: as a shell's exit status tells it. */
export type Status = boolean | 'unknown';

/** What a command came to. */
export type Outcome = Understood | NotRead;
export interface Understood {
  readonly class: Exclude<RunClass, 'step'>;
  readonly why: string;
  /** Absent: it succeeds, or else the image could not be built. */
  readonly status?: Status;
  /** It asks whether something is installed, which installing it answers. */
  readonly asksFor?: 'program' | 'package';
  /** It succeeds where that is not installed. */
  readonly turned?: boolean;
}
/** Why a command that a rule is for cannot be read by it. */
export interface NotRead {
  readonly class: 'step';
  readonly why: string;
}

export const notRead = (why: string): NotRead => ({ class: 'step', why });
export const part = (outcome: Outcome, text: string): RunPart => ({ ...outcome, text });

/** One command with its words expanded. */
export interface Invocation {
  readonly name: string;
  readonly words: readonly string[];
  readonly assignments: readonly { readonly name: string; readonly value: string | undefined }[];
  /** File that standard output goes to, if it is written to one. */
  readonly output?: { readonly path: string; readonly append: boolean };
  /** Text that standard input has, if a here-document gives it. */
  readonly input?: string;
}

export type Rule = (state: RunState, invocation: Invocation) => Outcome;

export interface Options {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
  /** An option that is in neither list. */
  readonly unknown?: string;
}

/** Splits words into options and operands, GNU style, options anywhere. */
export function splitOptions(words: readonly string[], flags: readonly string[], valued: readonly string[]): Options {
  const seen = new Set<string>();
  const values = new Map<string, string[]>();
  const operands: string[] = [];
  const queue = [...words];
  const take = (name: string, given: string | undefined): boolean => {
    const value = given ?? queue.shift();
    if (value === undefined) return false;
    values.set(name, [...(values.get(name) ?? []), value]);
    return true;
  };
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      operands.push(...queue);
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
    } else if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = equals < 0 ? word : word.slice(0, equals);
      if (valued.includes(name)) {
        if (!take(name, equals < 0 ? undefined : word.slice(equals + 1)))
          return { flags: seen, values, operands, unknown: word };
      } else if (equals < 0 && flags.includes(name)) seen.add(name);
      else return { flags: seen, values, operands, unknown: word };
    } else {
      for (let index = 1; index < word.length; index++) {
        const name = `-${word[index] ?? ''}`;
        if (valued.includes(name)) {
          const rest = word.slice(index + 1);
          if (!take(name, rest === '' ? undefined : rest)) return { flags: seen, values, operands, unknown: name };
          break;
        }
        if (!flags.includes(name)) return { flags: seen, values, operands, unknown: name };
        seen.add(name);
      }
    }
  }
  return { flags: seen, values, operands };
}

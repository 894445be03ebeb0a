import type { Effect } from './effect.ts';
import { Interpreter } from './interpreter.ts';
import { findKnownScript } from './known-scripts.ts';
import { parseShell } from './shell-parse.ts';
import { Unrecognised } from './shell-syntax.ts';
import { parseTemplates } from './templates.ts';
import { writeOutUsrLocal } from './usr-local.ts';
import type { Value } from './value.ts';

export interface ScriptInput {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Files of the control archive by name; those that play no part are ignored. */
  readonly scripts: ReadonlyMap<string, Buffer>;
  readonly suite: string;
}

export type ScriptAnalysis =
  | { readonly recognised: true; readonly effects: readonly Effect[] }
  | {
      readonly recognised: false;
      readonly script: string;
      /** From 1. */
      readonly line: number;
      readonly text: string;
      /** Why the statement is not understood. */
      readonly reason: string;
    };

/**
 * In the order in which they run on a fresh installation: debconf runs `config` when `postinst` first asks for it. `prerm` and
 * `postrm` do not run.
 */
const RUNS: readonly (readonly [script: string, parameters: readonly string[]])[] = [
  ['preinst', ['install']],
  ['config', ['configure', '']],
  ['postinst', ['configure', '']],
];

/**
 * What the maintainer scripts of a package do when it is installed on a tree that never had it, with debconf's noninteractive
 * frontend, or the first statement whose effect is not known. Nothing is run. Debian Policy, chapter 6.
 */
export function analyseScripts(input: ScriptInput): ScriptAnalysis {
  const effects: Effect[] = [];
  const answers: Map<string, Value> = new Map(parseTemplates(input.scripts.get('templates')?.toString('utf8') ?? ''));
  let checks = 0;
  for (const [script, parameters] of [...RUNS, ...triggeredRuns(input)]) {
    const content = input.scripts.get(script);
    if (content === undefined) continue;
    const known = findKnownScript({ name: input.name, version: input.version, script, content });
    if (known !== undefined) {
      if (parameters[0] !== 'triggered') effects.push(...known);
      continue;
    }
    try {
      const found = interpret(content, { input, script, parameters, answers });
      effects.push(...renumber(found, checks));
      checks += found.length;
    } catch (error) {
      if (!(error instanceof Unrecognised)) throw error;
      const { line, text } = error.place;
      return { recognised: false, script, line, text, reason: error.message };
    }
  }
  return { recognised: true, effects: withoutUnusedChecks(effects) };
}

/** dpkg calls `postinst` once more when another package activates a trigger that this one is interested in (deb-triggers(5)). */
function triggeredRuns({ scripts }: ScriptInput): typeof RUNS {
  const text = scripts.get('triggers')?.toString('utf8') ?? '';
  const names = [...text.matchAll(/^[ \t]*interest(?:-noawait|-await)?[ \t]+(\S+)/gm)].map((match) => match[1] ?? '');
  return names.length === 0 ? [] : [['postinst', ['triggered', names.join(' ')]]];
}

interface Run {
  readonly input: ScriptInput;
  readonly script: string;
  readonly parameters: readonly string[];
  readonly answers: Map<string, Value>;
}

const SHELLS = /^#! ?(?:\/usr)?\/bin\/(?:ba|da)?sh(?:[ \t]+-[eux]+)*[ \t]*$/;

function interpret(content: Buffer, { input, script, parameters, answers }: Run): readonly Effect[] {
  const text = content.toString('utf8');
  const firstLine = text.slice(0, Math.max(text.indexOf('\n'), 0));
  if (!SHELLS.test(firstLine)) {
    const shown =
      content.subarray(0, 4).toString('latin1') === '\x7fELF' ? 'a compiled program' : firstLine.slice(0, 160);
    throw new Unrecognised({ line: 1, offset: 0, text: shown }, 'not a shell script');
  }
  const { name, version, architecture, suite } = input;
  const scriptPath = `/var/lib/dpkg/info/${name}.${script}`;
  const subject = { name, version, architecture, suite, scriptPath, answers };
  const variables = {
    DEBIAN_FRONTEND: 'noninteractive',
    DPKG_ADMINDIR: '/var/lib/dpkg',
    DPKG_MAINTSCRIPT_ARCH: architecture,
    DPKG_MAINTSCRIPT_NAME: script,
    DPKG_MAINTSCRIPT_PACKAGE: name,
    DPKG_ROOT: '',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    PWD: '/',
  };
  const interpreter = new Interpreter(subject, parameters, {
    variables,
    script,
    isBash: firstLine.includes('bash'),
  });
  return interpreter.run(parseShell(writeOutUsrLocal(text)));
}

/** Checks are numbered per script; moved on by `offset` they are unique in the package. */
function renumber(effects: readonly Effect[], offset: number): readonly Effect[] {
  if (offset === 0) return effects;
  const moved = (literal: { readonly check: number; readonly value: boolean }) => ({
    ...literal,
    check: literal.check + offset,
  });
  return effects.map((effect) => ({
    ...effect,
    ...(effect.kind === 'check' ? { check: effect.check + offset } : {}),
    ...(effect.when === undefined
      ? {}
      : { when: { all: effect.when.all.map(moved), none: effect.when.none.map((list) => list.map(moved)) } }),
  }));
}

function withoutUnusedChecks(effects: readonly Effect[]): readonly Effect[] {
  const used = new Set<number>();
  const kept: Effect[] = [];
  for (const effect of effects.toReversed()) {
    if (effect.kind === 'check' && !used.has(effect.check)) continue;
    kept.push(effect);
    for (const { check } of [...(effect.when?.all ?? []), ...(effect.when?.none.flat() ?? [])]) used.add(check);
  }
  return kept.reverse();
}

import { CogplanError, type Where } from '../../errors.ts';
import type { ClosureProblem } from '../../formats/debian/closure.ts';
import { nearest } from '../../nearest.ts';
import type { Fix, WordEdit } from '../../spec/edit-spec.ts';
import type { AskedPackage } from '../../spec/system-packages.ts';
import { NVIDIA_NAMES, renamedTo } from '../tables/debian-renames.ts';
import type { DebianUniverse } from './universe.ts';

export interface ExplainInput {
  readonly problem: ClosureProblem;
  readonly asked: readonly AskedPackage[];
  readonly universe: DebianUniverse;
  /** `Debian bookworm`. */
  readonly suite: string;
  readonly architecture: string;
}

/** The error for a closure that cannot be made, with the place in the project that asked for it. */
export function explainProblem({ problem, asked, universe, suite, architecture }: ExplainInput): CogplanError {
  switch (problem.kind) {
    case 'unknown':
      return unknownPackages(
        asked.filter(({ name }) => name === problem.root),
        { universe, suite, architecture },
      );
    case 'ambiguous':
      return new CogplanError(
        'COGPLAN_SYSTEM_PACKAGE_UNKNOWN',
        `${problem.root} is no package of ${suite}, but several packages provide it`,
        {
          subject: problem.root,
          where: whereOf(problem.root, asked),
          hint: `Ask for one of them: ${problem.providers.slice(0, 10).join(', ')}.`,
          data: { providers: problem.providers },
        },
      );
    case 'missing': {
      const owner = problem.chain.at(-1) ?? problem.dependency;
      return unsatisfiable(`${owner} needs ${problem.dependency}, which ${suite} does not have`, problem, asked);
    }
    case 'conflict': {
      const owner = problem.chain.at(-1) ?? problem.dependency;
      const other = problem.otherChain.join(' needs ');
      const message = `${owner} needs ${problem.dependency}, but ${problem.reason} (chosen by: ${other})`;
      return unsatisfiable(message, problem, asked);
    }
  }
}

/** Whether nothing has a name, nor provides it. */
export function isUnknown(universe: DebianUniverse, name: string): boolean {
  return universe.named(name).length === 0 && universe.providing(name).length === 0;
}

/** The error for `name=version` when the archive has other versions only. */
export function unknownVersion(item: AskedPackage, universe: DebianUniverse, suite: string): CogplanError {
  const versions = universe.everyVersion(item.name).map(({ version }) => version);
  return new CogplanError(
    'COGPLAN_SYSTEM_PACKAGE_VERSION',
    item.version === undefined
      ? `${item.suite ?? suite} has no ${item.name}`
      : `${suite} has no ${item.name} of version ${item.version}`,
    {
      subject: item.text,
      where: item.where,
      hint: `It has ${versions.join(', ')}; the archive keeps only the newest of each suite.`,
      data: { available: versions },
    },
  );
}

/** The error for names that nothing has and nothing provides; `data.fixes` changes those that have another name today. */
export function unknownPackages(
  items: readonly AskedPackage[],
  { universe, suite, architecture }: Pick<ExplainInput, 'universe' | 'suite' | 'architecture'>,
): CogplanError {
  const found = items.map((item) => ({ item, ...answerFor(item.name, universe, suite) }));
  const errors = found.map(({ item, hint }) => {
    const message = `${suite} has no package ${item.name} for ${architecture}`;
    return { message: hint === undefined ? message : `${message}: ${hint}`, where: item.where };
  });
  const [first] = found;
  const edits = found.flatMap(({ item, replacement }): WordEdit[] => {
    const { file, line } = item.where;
    return replacement === undefined || line === undefined ? [] : [{ file, line, from: item.name, to: replacement }];
  });
  const text = edits.map(({ from, to }) => `${to} for ${from}`).join(', ');
  const fixes: readonly Fix[] = edits.length === 0 ? [] : [{ text: `write ${text}`, edits }];
  return new CogplanError(
    'COGPLAN_SYSTEM_PACKAGE_UNKNOWN',
    `${suite} has no package ${first?.item.name ?? ''} for ${architecture}`,
    {
      subject: first?.item.name,
      where: first?.item.where,
      hint: first?.hint,
      data: { fixes, ...(errors.length > 1 ? { others: errors.slice(1) } : {}) },
    },
  );
}

function answerFor(
  name: string,
  universe: DebianUniverse,
  suite: string,
): { readonly hint: string; readonly replacement?: string } {
  const exists = (other: string) => universe.named(other).length > 0;
  const renamed = renamedTo(name, suite.slice(suite.lastIndexOf(' ') + 1)).find(exists);
  if (renamed !== undefined) return { hint: `In ${suite} it is ${renamed}.`, replacement: renamed };
  if (NVIDIA_NAMES.test(name)) {
    return {
      hint: 'Debian does not have it; CUDA libraries come with the Python wheels that need them, and NVIDIA’s own archive can be named below archives in cogplan.yaml.',
    };
  }
  const [own, ...more] = namesAround(name).filter(exists);
  if (own !== undefined && name.endsWith('-devel')) return { hint: `In ${suite} it is ${own}.`, replacement: own };
  if (own !== undefined) return { hint: `${suite} has ${[own, ...more].join(', ')}: ask for what you need.` };
  const near = nearest(name, namesLike(name, universe));
  if (near !== undefined) return { hint: `Did you mean ${near}?`, replacement: near };
  return {
    hint: 'Only the main component of Debian is searched (https://packages.debian.org lists it). A package of another archive needs the archive and its key below archives in cogplan.yaml.',
  };
}

/** Names under which Debian has what others call so: the library's headers, its Python module, its programs. */
function namesAround(name: string): readonly string[] {
  const devel = /^(?:lib)?(.+)-devel$/.exec(name)?.[1];
  if (devel !== undefined) return [`lib${devel}-dev`, `${devel}-dev`];
  return [`lib${name}-dev`, `python3-${name}`, `${name}-bin`, `${name}-tools`, `${name}-utils`];
}

/** The distance to every name takes too long; a slip seldom changes both ends. */
function* namesLike(root: string, universe: DebianUniverse): Generator<string> {
  const head = root.slice(0, 1);
  const tail = root.slice(-3);
  for (const name of universe.allNames()) {
    if (Math.abs(name.length - root.length) <= 3 && (name.startsWith(head) || name.endsWith(tail))) yield name;
  }
}

function unsatisfiable(
  message: string,
  problem: Extract<ClosureProblem, { readonly kind: 'missing' | 'conflict' }>,
  asked: readonly AskedPackage[],
): CogplanError {
  const root = problem.chain[0]?.split(' ')[0] ?? '';
  const other = problem.kind === 'conflict' ? (problem.otherChain[0]?.split(' ')[0] ?? '') : '';
  return new CogplanError('COGPLAN_SYSTEM_UNSATISFIABLE', message, {
    subject: root,
    where: whereOf(root, asked) ?? whereOf(other, asked),
    hint: `The way there: ${problem.chain.join(' needs ')}.`,
    data: { ...problem },
  });
}

function whereOf(name: string, asked: readonly AskedPackage[]): Where | undefined {
  return asked.find((item) => item.name === name)?.where;
}

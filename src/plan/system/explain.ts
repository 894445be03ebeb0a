import { CogplanError, type Where } from '../../errors.ts';
import type { ClosureProblem } from '../../formats/debian/closure.ts';
import { nearest } from '../../nearest.ts';
import { DEBIAN_RENAMES, NVIDIA_NAMES } from '../tables/debian-renames.ts';
import type { AskedPackage } from './asked-packages.ts';
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
      return unknownPackage(problem.root, { asked, universe, suite, architecture });
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

function unknownPackage(
  root: string,
  { asked, universe, suite, architecture }: Omit<ExplainInput, 'problem'>,
): CogplanError {
  return new CogplanError('COGPLAN_SYSTEM_PACKAGE_UNKNOWN', `${suite} has no package ${root} for ${architecture}`, {
    subject: root,
    where: whereOf(root, asked),
    hint: suggestion(root, universe, suite),
  });
}

function suggestion(root: string, universe: DebianUniverse, suite: string): string {
  const exists = (name: string) => universe.named(name).length > 0;
  const renamed = (Object.hasOwn(DEBIAN_RENAMES, root) ? (DEBIAN_RENAMES[root] ?? []) : []).find(exists);
  if (renamed !== undefined) return `In ${suite} it is ${renamed}.`;
  if (NVIDIA_NAMES.test(root)) {
    return 'Only the main component of Debian can be used; CUDA libraries come with the Python wheels that need them.';
  }
  const near = nearest(root, namesLike(root, universe));
  if (near !== undefined) return `Did you mean ${near}?`;
  return 'Only the main component of Debian can be used; search it at https://packages.debian.org.';
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

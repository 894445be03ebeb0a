import { CogplanError } from '../errors.ts';
import type { Hold, Target } from '../lock/schema.generated.ts';
import { isOver } from './diff/hold-state.ts';

/** What of a target's families has to stay as it is locked. */
export interface Held {
  /** Why, by name of a Debian package. */
  readonly system: ReadonlyMap<string, Hold>;
  /** Why, by name of a Python package of the model. */
  readonly python: ReadonlyMap<string, Hold>;
  /** The hold that keeps the suite, if any. */
  readonly suite: Hold | undefined;
}

export const NOTHING_HELD: Held = { system: new Map(), python: new Map(), suite: undefined };

const PYTHON_PACKAGES = /^(?:lib)?python3(?:[.-]|$)/;
const CUDA_WHEELS = /^nvidia-/;

/**
 * The packages that the holds which are not over keep, of those that are locked. A hold of the base keeps its packages, one of the interpreter
 * the packages of Python, one of the accelerator the wheels that bring CUDA.
 */
export function heldOf(holds: readonly Hold[], locked: Target | undefined, now: Date): Held {
  const active = holds.filter((hold) => !isOver(hold, now.toISOString()));
  if (locked === undefined || active.length === 0) return NOTHING_HELD;
  const system = new Map<string, Hold>();
  const python = new Map<string, Hold>();
  let suite: Hold | undefined;
  for (const hold of active) {
    const { family, name } = parseHoldSubject(hold.subject);
    const debs = locked.system.packages;
    const wheels = locked.python.packages;
    const note = (into: Map<string, Hold>, names: readonly { readonly name: string }[]): void => {
      for (const item of names) if (!into.has(item.name)) into.set(item.name, hold);
    };
    switch (family) {
      case 'base':
        suite ??= hold;
        note(
          system,
          debs.filter(({ group }) => group === 'base'),
        );
        break;
      case 'interpreter':
        suite ??= hold;
        note(
          system,
          debs.filter((item) => item.group !== 'system' && PYTHON_PACKAGES.test(item.name)),
        );
        break;
      case 'accelerator':
        note(
          python,
          wheels.filter((item) => CUDA_WHEELS.test(item.name)),
        );
        break;
      case 'system':
        note(
          system,
          debs.filter((item) => item.name === name),
        );
        break;
      case 'python':
        note(
          python,
          wheels.filter((item) => item.name === name),
        );
        break;
    }
  }
  return { system, python, suite };
}

/** Families whose changes a person can refuse. What the project asks, and what cogplan brings, follows from elsewhere. */
const HOLDABLE = ['base', 'interpreter', 'accelerator', 'system', 'python'] as const;
type HoldableFamily = (typeof HOLDABLE)[number];

/** `python/numpy` taken apart. Throws COGPLAN_HOLD_IMPOSSIBLE for a family that cannot be held. */
export function parseHoldSubject(subject: string): { readonly family: HoldableFamily; readonly name: string } {
  const slash = subject.indexOf('/');
  const family = HOLDABLE.find((item) => item === subject.slice(0, slash));
  const name = subject.slice(slash + 1);
  if (family !== undefined && name !== '') return { family, name };
  throw new CogplanError('COGPLAN_HOLD_IMPOSSIBLE', `${subject} cannot be held`, {
    subject,
    hint: `Holds are of ${HOLDABLE.join(', ')}, such as python/numpy. The rest follows from the project's files.`,
    data: { chain: [] },
  });
}

/** The error for a hold that something else does not allow; `chain` says what forces the change, step by step. */
export function holdImpossible(hold: Hold, chain: readonly string[], cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_HOLD_IMPOSSIBLE', `${hold.subject} cannot be held: ${chain.join('; ')}`, {
    subject: hold.subject,
    hint: `Loosen what forces the change, or let it go with \`cogplan unhold ${hold.subject}\`.`,
    data: { chain, hold },
    cause,
  });
}

/** Whether a text speaks of a package: `numpy` is not in `numpy-stl`. */
export function mentions(name: string, text: string): boolean {
  const literal = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w.+-])${literal}(?![\\w+-]|\\.\\w)`).test(text);
}

import type { Change } from '../../plan/diff/schema.generated.ts';

const HOLDABLE: ReadonlySet<string> = new Set(['base', 'interpreter', 'accelerator', 'system', 'python']);

/** Why a change cannot be held; undefined when it can be tried. */
export function whyNotHeld({ family, subject, from, to, reasons }: Change): string | undefined {
  if (!HOLDABLE.has(family)) return `${subject} follows from what the project asks or from other changes`;
  // Beside packages, a family has lists and indexes; no package has a space in its name.
  if (subject.includes(' ')) return `${subject} is not a package: hold the base, or packages`;
  if (from === null) {
    const by = reasons.find((reason) => reason.by !== undefined)?.by;
    return `${subject} is new: there is nothing old to keep${by === undefined ? '' : `; hold ${by}, which brings it in`}`;
  }
  if (to === null) return `${subject} goes because nothing needs it: ask for it in the project to keep it`;
  return undefined;
}

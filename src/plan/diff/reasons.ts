import { canonicalJson, compareBytes, type Json } from '../../canonical.ts';
import { parseSpecifiers, satisfies } from '../../formats/python/specifier.ts';
import { parseVersion } from '../../formats/python/version.ts';
import type { Base, Lock } from '../../lock/schema.generated.ts';
import { type Graph, type GraphFamily, graphOf, type Node, requirersOf } from './edges.ts';
import type { DiffFacts } from './facts.ts';
import type { Change, Reason } from './schema.generated.ts';

export type Draft = Pick<Change, 'platform' | 'family' | 'subject' | 'kind' | 'from' | 'to' | 'details'>;

type Requirers = ReturnType<typeof requirersOf>;

interface FamilyGraphs {
  readonly before: Graph;
  readonly after: Graph;
  readonly requirersBefore: Requirers;
  readonly requirersAfter: Requirers;
}

const MAX_REASONS = 3;

/** Says why each change is there. Every change has at least one reason. */
export class Reasons {
  readonly #before: Lock | undefined;
  readonly #after: Lock;
  readonly #facts: DiffFacts;
  readonly #graphs = new Map<string, FamilyGraphs>();

  constructor(before: Lock | undefined, after: Lock, facts: DiffFacts) {
    this.#before = before;
    this.#after = after;
    this.#facts = facts;
  }

  of(change: Draft): readonly Reason[] {
    switch (change.family) {
      case 'asked':
        return [{ kind: 'asked', text: "the project's files ask otherwise" }];
      case 'base':
      case 'interpreter':
        return this.#baseReasons(change);
      case 'accelerator':
        return this.#askedReasons(['accelerator']) ?? [rule(change.to ?? change.from)];
      case 'system':
        return change.subject.startsWith('archive ')
          ? this.#archiveReasons(change)
          : this.#packageReasons(change, 'system');
      case 'python':
        return change.subject === 'package indexes'
          ? (this.#askedReasons(['python']) ?? [{ kind: 'rule', text: 'the indexes that packages are looked up in' }])
          : this.#packageReasons(change, 'python');
      case 'runtime':
        return this.#runtimeReasons(change);
      case 'image':
        return this.#imageReasons(change);
      case 'files':
      case 'weights':
      case 'steps':
        return (
          this.#askedReasons([change.family, 'steps']) ?? [
            { kind: 'index', text: 'what is asked for gives other content now' },
          ]
        );
      case 'tools':
        return this.#toolReasons(change);
      case 'seals':
        return [sealReason(change)];
      case 'holds':
        return [holdReason(change)];
      case 'lock':
        return [lockReason(change)];
    }
  }

  /** The graphs of a family on both sides; empty where a lock has no such target. */
  graphs(platform: string | null, family: GraphFamily): FamilyGraphs {
    const key = `${platform}\0${family}`;
    const known = this.#graphs.get(key);
    if (known !== undefined) return known;
    const of = (lock: Lock | undefined): Graph => {
      const target = lock?.targets[platform ?? ''];
      return target === undefined ? new Map() : graphOf(target, family);
    };
    const [before, after] = [of(this.#before), of(this.#after)];
    const graphs = { before, after, requirersBefore: requirersOf(before), requirersAfter: requirersOf(after) };
    this.#graphs.set(key, graphs);
    return graphs;
  }

  #packageReasons(change: Draft, family: GraphFamily): readonly Reason[] {
    const graphs = this.graphs(change.platform, family);
    const reasons =
      change.kind === 'added'
        ? addedReasons(change, graphs)
        : change.kind === 'removed'
          ? removedReasons(change, graphs)
          : this.#movedReasons(change, graphs);
    if (reasons.length > 0) return reasons.slice(0, MAX_REASONS);
    const base = this.#familyBelow(change);
    if (base !== undefined) return [base];
    return [{ kind: 'resolved', text: 'chosen anew: nothing that is asked forces it' }];
  }

  #movedReasons(change: Draft, graphs: FamilyGraphs): readonly Reason[] {
    const { subject, kind, details } = change;
    const [old, now] = [graphs.before.get(subject), graphs.after.get(subject)];
    const reasons: Reason[] = [];
    const [oldAsk, newAsk] = [askedText(old), askedText(now)];
    if (oldAsk !== newAsk && newAsk !== '') reasons.push({ kind: 'asked', text: now?.asked[0] ?? newAsk });
    const hold = this.#newHold(change);
    if (hold !== undefined) reasons.push(hold);
    if (kind === 'other-bytes') {
      const sameUrl = change.from?.url === change.to?.url;
      reasons.push({
        kind: 'index',
        text: sameUrl ? 'the same URL gives other bytes now' : 'another file of the same version was taken',
      });
      return reasons;
    }
    if (kind === 'moved' || kind === 'hash-computed') {
      reasons.push({ kind: 'index', text: 'the index gives another place, or tells less, for the same bytes' });
      return reasons;
    }
    if (kind === 'detail') {
      const fields = details.map(({ field }) => field);
      if (fields.includes('asked'))
        reasons.push({ kind: 'asked', text: 'it is asked for at another place, or in other words' });
      const others = fields.filter((field) => field !== 'asked');
      if (others.length > 0)
        reasons.push({ kind: 'follows', text: `its ${others.join(', ')} follow from the packages around it` });
      return reasons;
    }
    reasons.push(...forcedBy(change, graphs));
    if (reasons.length > 0) return reasons;
    const below = this.#familyBelow(change);
    if (below !== undefined) return [below];
    if (this.#facts.upgraded?.includes(subject)) return [{ kind: 'upgrade', text: `--upgrade-package ${subject}` }];
    if (this.#facts.mode === 'upgrade') return [{ kind: 'upgrade', text: '--upgrade: the newest that is allowed' }];
    if (this.#facts.mode === 'refresh') return [{ kind: 'gone', text: 'the locked file can no longer be had' }];
    return [];
  }

  #newHold({ family, subject }: Draft): Reason | undefined {
    const address = `${family}/${subject}`;
    const hold = this.#after.holds.find((item) => item.subject === address);
    const known = this.#before?.holds.some((item) => item.subject === address) ?? false;
    return hold === undefined || known ? undefined : { kind: 'hold', text: `held: ${hold.reason}` };
  }

  /** A family that this one stands on and that changed itself. */
  #familyBelow({ platform, family }: Draft): Reason | undefined {
    const [old, now] = [this.#before?.targets[platform ?? ''], this.#after.targets[platform ?? '']];
    if (old === undefined || now === undefined) return undefined;
    const [before, after] = [baseName(old.base), baseName(now.base)];
    if (before !== after) {
      return { kind: 'follows', text: `the base changed from ${before} to ${after}` };
    }
    if (family !== 'system' && minorOf(old.interpreter.version) !== minorOf(now.interpreter.version)) {
      const text = `Python changed from ${minorOf(old.interpreter.version)} to ${minorOf(now.interpreter.version)}`;
      return { kind: 'follows', text };
    }
    return undefined;
  }

  #baseReasons(change: Draft): readonly Reason[] {
    const asked = this.#askedReasons(['base', 'interpreter']);
    if (asked !== undefined) return asked;
    if (change.family === 'base') {
      const moved = this.#movedTag(change);
      if (moved !== undefined) return [moved];
    }
    if (change.family === 'interpreter') {
      const below = this.#familyBelow(change);
      if (below !== undefined) return [below];
      if (change.kind === 'changed')
        return [{ kind: 'follows', text: "the system's Python package changed", by: 'python3' }];
    }
    const now = this.#after.targets[change.platform ?? '']?.[change.family as 'base'];
    return [{ kind: 'rule', text: now?.why ?? 'this target is no longer locked' }];
  }

  #movedTag({ platform }: Draft): Reason | undefined {
    const [old, now] = [this.#before, this.#after].map((lock) => lock?.targets[platform ?? '']?.base);
    if (old?.kind !== 'image' || now?.kind !== 'image' || old.image !== now.image || old.tagged === now.tagged)
      return undefined;
    return { kind: 'index', text: `the tag moved: ${now.image} is another image today` };
  }

  #archiveReasons({ kind, to, from }: Draft): readonly Reason[] {
    if (kind === 'removed')
      return [{ kind: 'not-required', text: `no locked package comes from its state of ${from?.value}` }];
    if (kind === 'added') return [{ kind: 'rule', text: 'an archive that packages come from' }];
    return [{ kind: 'index', text: `the archive published a state dated ${to?.value}` }];
  }

  #runtimeReasons(change: Draft): readonly Reason[] {
    if (change.subject === 'cog') return [{ kind: 'cogplan', text: `${this.#after.writtenBy} brings it` }];
    return this.#packageReasons(change, 'runtime');
  }

  #imageReasons({ subject, kind }: Draft): readonly Reason[] {
    if (subject === 'label run.cog.config') return [{ kind: 'asked', text: 'cog.yaml says otherwise' }];
    if (subject === 'label run.cog.version') return [{ kind: 'follows', text: 'the version of the cog module' }];
    const asked = this.#askedReasons(['image', 'accelerator']);
    if (asked !== undefined && kind !== 'detail') return asked;
    return [{ kind: 'cogplan', text: `what ${this.#after.writtenBy} gives every image` }];
  }

  #toolReasons({ subject, kind }: Draft): readonly Reason[] {
    if (subject.startsWith('uv ')) return [{ kind: 'cogplan', text: `the version that ${this.#after.writtenBy} pins` }];
    if (kind === 'removed') return [{ kind: 'not-required', text: 'the sandbox needs it no longer' }];
    if (kind === 'added') return [{ kind: 'rule', text: 'part of the sandbox' }];
    if (this.#facts.mode === 'upgrade') return [{ kind: 'upgrade', text: '--upgrade: the newest of the sandbox too' }];
    return [{ kind: 'index', text: 'the archive has another version for the sandbox' }];
  }

  /** What is asked of these families otherwise than before, in words; undefined when nothing is. */
  #askedReasons(families: readonly string[]): readonly Reason[] | undefined {
    const reasons = families.flatMap((family) => {
      const [old, now] = [this.#before?.asked[family] ?? {}, this.#after.asked[family] ?? {}];
      return [...new Set([...Object.keys(now), ...Object.keys(old)])].sort(compareBytes).flatMap((key): Reason[] => {
        const [was, is] = [old[key], now[key]];
        if (tell(was) === tell(is)) return [];
        const before = this.#before === undefined ? '' : `, before ${tell(was)}`;
        return [{ kind: 'asked', text: `${key}: ${tell(is)}${before}` }];
      });
    });
    return reasons.length === 0 ? undefined : reasons.slice(0, MAX_REASONS);
  }
}

function addedReasons({ subject }: Draft, { after, before, requirersAfter }: FamilyGraphs): readonly Reason[] {
  const node = after.get(subject);
  const asked = (node?.asked ?? []).map((text): Reason => ({ kind: node?.byProject ? 'asked' : 'rule', text }));
  const requirers = requirersAfter.get(subject) ?? [];
  // Those that came or moved too tell more than those that only can use it.
  const moved = requirers.filter(({ node: by }) => before.get(by.name)?.version !== by.version);
  return [...asked, ...(moved.length > 0 ? moved : requirers).map(requiredBy)];
}

function removedReasons({ subject }: Draft, { after, before, requirersBefore }: FamilyGraphs): readonly Reason[] {
  const node = before.get(subject);
  const asked = node?.byProject ? node.asked : [];
  const requirers = (requirersBefore.get(subject) ?? []).map(({ node: by }): Reason => {
    const now = after.get(by.name);
    const text =
      now === undefined ? `${by.name} is gone, which required it` : `${by.name} ${now.version} does not require it`;
    return { kind: 'not-required', text, by: by.name };
  });
  return [...asked.map((text): Reason => ({ kind: 'asked', text: `no longer asked: ${text}` })), ...requirers];
}

/** Requirements that the old version does not meet, or else those whose words changed. */
function forcedBy({ subject, from }: Draft, { before, requirersAfter }: FamilyGraphs): readonly Reason[] {
  const requirers = requirersAfter.get(subject) ?? [];
  const refusing = requirers.filter(({ text }) => from !== null && refuses(text, from.value));
  if (refusing.length > 0) {
    return refusing.map((item) => {
      const reason = requiredBy(item);
      return { ...reason, text: `${reason.text}; ${from?.value} does not fit` };
    });
  }
  return requirers
    .filter(({ node, text }) => {
      const old = before.get(node.name)?.requires.find(({ name }) => name === subject);
      return old !== undefined && old.text !== text;
    })
    .map(requiredBy);
}

function refuses(requirement: string, version: string): boolean {
  const specifiers = parseSpecifiers(
    requirement
      .replace(/^[A-Za-z0-9._-]*(?:\[[^\]]*\])?/, '')
      .replace(/;.*$/, '')
      .trim(),
  );
  const parsed = parseVersion(version);
  return (
    specifiers !== undefined && parsed !== undefined && specifiers.length > 0 && !satisfies(parsed, specifiers, true)
  );
}

function requiredBy({ node, text }: { readonly node: Node; readonly text: string }): Reason {
  return { kind: 'required', text: `${node.name} ${node.version} requires ${text}`, by: node.name };
}

/** What is asked without its place: a line that moved is no other wish. */
function askedText(node: Node | undefined): string {
  return (node?.asked ?? []).map((text) => text.slice(text.indexOf(': ') + 1)).join('\n');
}

function sealReason({ kind, details }: Draft): Reason {
  if (kind === 'added') return { kind: 'applied', text: 'an apply built the layer and sealed it' };
  if (kind === 'removed')
    return { kind: 'follows', text: 'what goes into the layer changed: the next apply seals it anew' };
  if (kind === 'other-bytes') return { kind: 'applied', text: 'the same recipe gave other bytes' };
  const recipe = details.some(({ field }) => field === 'recipe');
  return recipe
    ? { kind: 'follows', text: 'what goes into the layer changed, and an apply sealed it anew' }
    : { kind: 'applied', text: 'an apply wrote it otherwise' };
}

function holdReason({ kind, to, from }: Draft): Reason {
  if (kind === 'removed') return { kind: 'hold', text: `no longer held (${from?.value})` };
  return { kind: 'hold', text: to?.value ?? '' };
}

function lockReason({ subject, to }: Draft): Reason {
  if (subject === 'asOf')
    return { kind: 'asked', text: to?.value === 'null' ? 'without --as-of' : `--as-of ${to?.value}` };
  return { kind: 'cogplan', text: 'another version of cogplan made the lock' };
}

function rule(side: Change['to']): Reason {
  return { kind: 'rule', text: side?.value ?? '' };
}

function tell(value: Json | undefined): string {
  if (value === undefined) return 'not set';
  const text = typeof value === 'string' ? value : canonicalJson(value);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** A suite, or an image with the digest that its tag stands for. */
function baseName(base: Base): string {
  return base.kind === 'debian' ? base.suite : `${base.image}@${base.tagged}`;
}

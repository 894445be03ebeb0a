import '../../../test/builders/fixed-seed.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyLock } from '../../../test/builders/any-lock.ts';
import { aDeb, aFile, aLock, aSeal, aTarget, aWheel } from '../../../test/builders/lock.ts';
import { canonicalJson, type Json } from '../../canonical.ts';
import { asSha256, type Sha256, sha256 } from '../../digest.ts';
import { parseLock } from '../../lock/read-lock.ts';
import type { Lock } from '../../lock/schema.generated.ts';
import { formatLock } from '../../lock/write-lock.ts';
import { diffLocks } from './diff-locks.ts';
import type { ReleaseFact } from './facts.ts';
import { groupsOf } from './items.ts';
import { applyPatch } from './patch.ts';
import type { Change } from './schema.generated.ts';

const withWheels = (...packages: ReturnType<typeof aWheel>[]) => aLock({}, { python: { indexes: [], packages } });
const withDebs = (...packages: ReturnType<typeof aDeb>[]) => aLock({}, { system: { archives: [], packages } });

const changesOf = (before: Lock | undefined, after: Lock, facts = {}) => diffLocks(before, after, facts).changes;

function only(changes: readonly Change[]): Change {
  expect(changes).toHaveLength(1);
  return changes[0]!;
}

describe('diffLocks', () => {
  it('names what came, went and moved, with its reason', () => {
    const changes = changesOf(
      withWheels(aWheel('numpy', '1.0'), aWheel('six', '1.16', { asked: ['requirements.txt:2: six'] })),
      withWheels(
        aWheel('numpy', '2.0'),
        aWheel('pandas', '3.0', { asked: ['requirements.txt:1: pandas'], requires: ['numpy>=2', 'tqdm'] }),
        aWheel('tqdm', '4.0'),
      ),
    );
    expect(changes.map(({ id, kind, from, to, reasons }) => [id, kind, from?.value, to?.value, reasons[0]])).toEqual([
      [
        'python/numpy@linux/amd64',
        'changed',
        '1.0',
        '2.0',
        { kind: 'required', text: 'pandas 3.0 requires numpy>=2; 1.0 does not fit', by: 'pandas' },
      ],
      ['python/pandas@linux/amd64', 'added', undefined, '3.0', { kind: 'asked', text: 'requirements.txt:1: pandas' }],
      [
        'python/six@linux/amd64',
        'removed',
        '1.16',
        undefined,
        { kind: 'asked', text: 'no longer asked: requirements.txt:2: six' },
      ],
      [
        'python/tqdm@linux/amd64',
        'added',
        undefined,
        '4.0',
        { kind: 'required', text: 'pandas 3.0 requires tqdm', by: 'pandas' },
      ],
    ]);
    expect(changes[3]?.via).toEqual(['pandas', 'tqdm']);
  });

  it('is loudest about the same version with other bytes', () => {
    const change = only(
      changesOf(withWheels(aWheel('numpy', '1.0')), withWheels(aWheel('numpy', '1.0', { file: aFile('other') }))),
    );
    expect(change).toMatchObject({ kind: 'other-bytes', subject: 'numpy', reasons: [{ kind: 'index' }] });
    expect(change.risks[0]).toMatchObject({ kind: 'other-bytes', level: 'high' });
  });

  it('tells of equal bytes from another index', () => {
    const wheel = aWheel('numpy', '1.0');
    const moved = { ...wheel, index: 'https://other.test/simple' };
    const change = only(changesOf(withWheels(wheel), withWheels(moved)));
    expect(change).toMatchObject({ kind: 'moved', risks: [{ kind: 'new-index', level: 'high' }] });
  });

  it('tells of a hash that only was computed', () => {
    const wheel = aWheel('numpy', '1.0');
    const computed = { ...wheel, file: { ...wheel.file, computed: true as const } };
    expect(only(changesOf(withWheels(wheel), withWheels(computed)))).toMatchObject({
      kind: 'hash-computed',
      risks: [{ kind: 'computed-hash', level: 'medium' }],
    });
  });

  it.each<[string, string, string, string, string]>([
    ['python', '1.9', '2.0', 'major', 'medium'],
    ['python', '2.0', '1.9', 'downgrade', 'medium'],
    ['python', '1.0', '1.1rc1', 'pre-release', 'medium'],
    ['system', '1:1.2-3', '1:1.2-2', 'downgrade', 'medium'],
    ['system', '1:1.2-3', '1:2.0-1', 'major', 'low'],
  ])('sees in %s %s -> %s: %s (%s)', (family, from, to, kind, level) => {
    const lock = (version: string) =>
      family === 'python' ? withWheels(aWheel('p', version)) : withDebs(aDeb('p', version));
    expect(only(changesOf(lock(from), lock(to))).risks[0]).toMatchObject({ kind, level });
  });

  it('sees a yanked release and a new signer', () => {
    const now = withWheels(aWheel('numpy', '1.1'));
    const file = now.targets['linux/amd64']!.python.packages[0]!.file.sha256;
    const releases = new Map([[file, { yanked: 'broken on Tuesdays' }]]);
    expect(only(changesOf(withWheels(aWheel('numpy', '1.0')), now, { releases })).risks[0]).toMatchObject({
      kind: 'yanked',
      text: 'the release was yanked: broken on Tuesdays',
    });
    const target = aTarget();
    const archive = { ...target.system.archives[0]!, signers: ['A'.repeat(40)] };
    const signed = aLock({}, { system: { ...target.system, archives: [archive] } });
    expect(only(changesOf(aLock(), signed)).risks[0]).toMatchObject({ kind: 'new-signer', level: 'high' });
  });

  it.each<[string, ReleaseFact, ReleaseFact, string, string, string]>([
    ['another licence', { licence: 'MIT' }, { licence: 'AGPL-3.0' }, 'licence', 'medium', 'licence MIT → AGPL-3.0'],
    ['no licence any more', { licence: 'MIT' }, {}, 'licence', 'medium', 'licence MIT → not told'],
    ['other people', { people: ['Ada'] }, { people: ['Ada', 'Eve'] }, 'people', 'medium', 'names other people: Eve'],
    [
      'a project in quarantine',
      {},
      { project: { status: 'quarantined', reason: 'taken over' } },
      'quarantined',
      'high',
      'the index holds the project in quarantine: taken over',
    ],
    ['a project that ended', {}, { project: { status: 'archived' } }, 'retired', 'low', 'its project is archived'],
  ])('sees %s', (_name, old, now, kind, level, text) => {
    const [before, after] = [withWheels(aWheel('numpy', '1.0')), withWheels(aWheel('numpy', '1.1'))];
    const hash = (lock: Lock) => lock.targets['linux/amd64']!.python.packages[0]!.file.sha256;
    const releases = new Map([
      [hash(before), old],
      [hash(after), now],
    ]);
    expect(only(changesOf(before, after, { releases })).risks).toEqual([{ kind, level, text }]);
  });

  it.each([
    ['BSD 3-Clause', 'BSD-3-Clause'],
    ['Apache Software License and BSD License', 'Apache-2.0 OR BSD-2-Clause'],
    ['MIT License', 'MIT'],
  ])('sees nothing in the same licence spelled otherwise: %s, %s', (old, licence) => {
    const [before, after] = [withWheels(aWheel('numpy', '1.0')), withWheels(aWheel('numpy', '1.1'))];
    const hash = (lock: Lock) => lock.targets['linux/amd64']!.python.packages[0]!.file.sha256;
    const releases = new Map([
      [hash(before), { licence: old }],
      [hash(after), { licence }],
    ]);
    expect(only(changesOf(before, after, { releases })).risks).toEqual([]);
  });

  it('sees nothing in a licence or people that were not known before', () => {
    const [before, after] = [withWheels(aWheel('numpy', '1.0')), withWheels(aWheel('numpy', '1.1'))];
    const file = after.targets['linux/amd64']!.python.packages[0]!.file.sha256;
    const releases = new Map([[file, { licence: 'MIT', people: ['Ada'] }]]);
    const change = only(changesOf(before, after, { releases }));
    expect([change.risks, change.to?.licence]).toEqual([[], 'MIT']);
  });

  it('sees GPUs that are lost and won, and a driver that must be newer', () => {
    const lock = (architectures: string[], minimumDriver: string) =>
      aLock({}, { accelerator: { provider: 'wheels', why: 'torch', architectures, minimumDriver } });
    const change = only(changesOf(lock(['sm_50', 'sm_80'], '525.60.13'), lock(['sm_80', 'sm_120'], '1525.60')));
    expect(change.risks).toEqual([
      { kind: 'gpu', level: 'high', text: 'no kernels for sm_50 any more' },
      { kind: 'gpu', level: 'medium', text: 'needs driver 1525.60 or newer, before 525.60.13' },
      { kind: 'gpu', level: 'low', text: 'kernels for sm_120 as well' },
    ]);
  });

  it('sees a wheel that is built from its source now, anew, or no more', () => {
    const built = (recipe: string) => ({
      source: { kind: 'archive' as const, file: aFile('p-1.tar.gz') },
      requires: [],
      recipe: sha256(recipe),
    });
    const plain = withWheels(aWheel('p', '1'));
    const [one, other] = ['a', 'b'].map((recipe) => withWheels(aWheel('p', '1', { built: built(recipe) })));
    const risk = (before: Lock, after: Lock) =>
      only(changesOf(before, after)).risks.find(({ kind }) => kind === 'built');
    expect(risk(plain, one!)).toMatchObject({ level: 'medium', text: expect.stringContaining('has no wheel') });
    expect(risk(one!, other!)).toMatchObject({ level: 'low', text: expect.stringContaining('built anew') });
    expect(risk(one!, plain)).toMatchObject({ level: 'low', text: 'comes as a wheel now' });
  });

  it.each<[string, object, string]>([
    ['upgrade', { mode: 'upgrade' }, 'upgrade'],
    ['a named upgrade', { upgraded: ['numpy'] }, 'upgrade'],
    ['refresh', { mode: 'refresh' }, 'gone'],
    ['nothing known', {}, 'resolved'],
  ])('explains a move by %s', (_name, facts, kind) => {
    const change = only(changesOf(withWheels(aWheel('numpy', '1.0')), withWheels(aWheel('numpy', '1.1')), facts));
    expect(change.reasons[0]?.kind).toBe(kind);
  });

  it('explains packages by the base and the interpreter below them', () => {
    const trixie = aTarget({ base: { kind: 'debian', suite: 'trixie', why: 'brings Python 3.13' } });
    const asked = { interpreter: { 'build.python_version': '3.13' } };
    const now = aLock({
      asked,
      targets: { 'linux/amd64': { ...trixie, system: { archives: [], packages: [aDeb('libc6', '2.41-1')] } } },
    });
    const changes = changesOf(withDebs(aDeb('libc6', '2.36-9')), now);
    const base = changes.find(({ family }) => family === 'base');
    expect(base?.reasons).toEqual([{ kind: 'asked', text: 'build.python_version: 3.13, before 3.11' }]);
    const libc = changes.find(({ subject }) => subject === 'libc6');
    expect(libc?.reasons).toEqual([{ kind: 'follows', text: 'the base changed from bookworm to trixie' }]);
  });

  it('says of a seal whose recipe stayed that its bytes are others', () => {
    const other = aSeal('wheels', { diffId: `sha256:${'c'.repeat(64)}` });
    const change = only(changesOf(aLock({}, { seals: [aSeal('wheels')] }), aLock({}, { seals: [other] })));
    expect(change).toMatchObject({ family: 'seals', kind: 'other-bytes' });
  });

  it('counts layers and bytes by what is known', () => {
    const [before, after] = [withWheels(aWheel('numpy', '1.0')), withWheels(aWheel('numpy', '1.1'))];
    const file = (lock: Lock) => lock.targets['linux/amd64']!.python.packages[0]!.file;
    const layer = (lock: Lock, name: string, size?: number) => ({
      layer: name,
      family: 'python',
      recipe: name === 'base' ? asSha256('0'.repeat(64)) : sha256(`${name}${file(lock).sha256}`),
      inputs: name === 'base' ? [] : [file(lock).sha256],
      ...(size === undefined ? {} : { size }),
    });
    const plan = diffLocks(before, after, {
      stored: new Set<Sha256>(),
      layers: {
        'linux/amd64': {
          before: [layer(before, 'base', 5), layer(before, 'wheels', 10)],
          after: [layer(after, 'base', 5), layer(after, 'wheels')],
        },
      },
    });
    expect(plan.changes[0]).toMatchObject({ layers: ['wheels'], fetch: file(after).size });
    expect(plan.layers).toMatchObject([{ layer: 'wheels', kind: 'rebuilt', before: 10 }]);
    expect(plan.summary).toMatchObject({ layersMoved: 1, layersKept: 1, image: { before: 15, after: null } });
  });

  it('shows each hold, and which of them are over', () => {
    const hold = { subject: 'python/numpy', reason: 'ABI', since: '2026-01-01' };
    const lock = aLock({ holds: [hold, { ...hold, subject: 'python/gone' }, { ...hold, until: '2026-02-01' }] });
    const plan = diffLocks(lock, lock, { now: '2026-03-01T00:00:00Z' });
    expect(plan.changes).toEqual([]);
    expect(plan.holds.map(({ state, value }) => [state, value])).toEqual([
      ['held', '1.26.4'],
      ['absent', null],
      ['expired', '1.26.4'],
    ]);
  });

  it('finds order alone, which is bytes too', () => {
    const [one, two] = aLock({}, { python: { indexes: ['a', 'b'], packages: [] } }).tools;
    expect(two).toBeUndefined();
    const other = { ...one!, name: 'zstd' };
    const change = only(changesOf(aLock({ tools: [one!, other] }), aLock({ tools: [other, one!] })));
    expect(change).toMatchObject({ family: 'tools', subject: 'order of tools', kind: 'detail' });
  });
});

describe('laws', () => {
  const pair = fc.tuple(anyLock(), anyLock());

  it('a lock and itself differ in nothing', () => {
    fc.assert(
      fc.property(anyLock(), (lock) => {
        const plan = diffLocks(lock, structuredClone(lock));
        expect([plan.changes, plan.patch, plan.before]).toEqual([[], [], plan.after]);
      }),
      { numRuns: 50 },
    );
  });

  it('the patch makes the new lock of the old one, byte for byte', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const { patch } = diffLocks(before, after);
        expect(formatLock(applyPatch(before as unknown as Json, patch) as unknown as Lock)).toBe(formatLock(after));
        const first = diffLocks(undefined, after).patch;
        expect(formatLock(applyPatch(null, first) as unknown as Lock)).toBe(formatLock(after));
      }),
      { numRuns: 100 },
    );
  });

  it('each changed byte appears in some change: the changes alone make the new items of the old ones', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const { changes } = diffLocks(before, after);
        expect(redone(before, changes, after)).toEqual(itemsOf(after));
      }),
      { numRuns: 100 },
    );
  });

  it('no change is without a reason, and no two have one name', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        for (const lock of [before, undefined]) {
          const { changes } = diffLocks(lock, after);
          expect(
            changes.filter(({ reasons }) => reasons.length === 0 || reasons.some(({ text }) => text === '')),
          ).toEqual([]);
          expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('the order of keys does not matter', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const shuffled = parseLock(formatLock(after), 'lock');
        expect(canonicalJson(diffLocks(before, shuffled) as unknown as Json)).toBe(
          canonicalJson(diffLocks(before, after) as unknown as Json),
        );
      }),
      { numRuns: 30 },
    );
  });
});

function itemsOf(lock: Lock): Record<string, unknown> {
  return Object.fromEntries(
    groupsOf(lock).flatMap(({ platform, family, items }) =>
      items.map(({ subject, value }) => [`${platform} ${family} ${subject}`, JSON.parse(JSON.stringify(value))]),
    ),
  );
}

/** The old items with every change done to them; only whole new items are taken from the new lock. */
function redone(before: Lock, changes: readonly Change[], after: Lock): Record<string, unknown> {
  const [items, now] = [itemsOf(before), itemsOf(after)];
  for (const { platform, family, subject, kind, details } of changes) {
    const key = `${platform} ${family} ${subject}`;
    if (kind === 'removed') delete items[key];
    else if (kind === 'added') items[key] = now[key];
    else if (!subject.startsWith('order of ')) {
      for (const { field, to } of details) {
        if (field === 'value') items[key] = to;
        else setField(items[key] as Record<string, unknown>, field, to);
      }
    }
  }
  return items;
}

function setField(record: Record<string, unknown>, field: string, value: unknown): void {
  // Keys may hold dots themselves: the longest prefix that is a record is taken.
  const at = Object.keys(record).find((key) => field.startsWith(`${key}.`) && typeof record[key] === 'object');
  if (at !== undefined) setField(record[at] as Record<string, unknown>, field.slice(at.length + 1), value);
  else if (value === undefined) delete record[field];
  else record[field] = value;
}

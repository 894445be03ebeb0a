import { expect, it } from 'vitest';
import { sha256 } from '../../digest.ts';
import { adoptRecorded } from './adopt-recorded.ts';
import type { RecordedFetch } from './recording.ts';

const NOTHING = { environment: new Map<string, string>(), taken: new Set<string>() };
const CACHE = '/root/.cache/huggingface/hub/models--o--m';

const aFile = (more: Partial<RecordedFetch> = {}): RecordedFetch => ({
  url: 'https://h.test/x.bin',
  sha256: sha256('x'),
  size: 1,
  path: '/src/x.bin',
  phase: 'setup',
  ...more,
});
const ofHub = (file: string, more: Partial<NonNullable<RecordedFetch['hub']>> = {}): RecordedFetch => ({
  url: `https://huggingface.co/o/m/resolve/main/${file}`,
  hub: { repository: 'o/m', revision: 'main', file, ...more },
  phase: 'setup',
});

it('files of a repository become one set, where the code keeps them', () => {
  const [usual] = adoptRecorded([ofHub('b', { cache: CACHE }), ofHub('a/c', { cache: CACHE })], NOTHING);
  expect(usual).toMatchObject({
    kind: 'weights',
    weights: {
      name: 'o-m',
      source: 'hf://o/m',
      target: '/opt/huggingface/hub/models--o--m',
      include: ['/a/c', '/b'],
      layout: 'hub-cache',
    },
  });
  const own = adoptRecorded([ofHub('b', { cache: '/src/cache/models--o--m', revision: 'v1' })], NOTHING);
  expect(own).toMatchObject([{ weights: { source: 'hf://o/m@v1', target: '/src/cache/models--o--m' } }]);
  const local = adoptRecorded([{ ...ofHub('a/c'), path: '/src/w/a/c' }], NOTHING);
  expect(local).toMatchObject([{ weights: { target: '/src/w' } }]);
  expect(JSON.stringify(local)).not.toContain('layout');
});

it.each<[string, RecordedFetch, RegExp]>([
  ['a part', { url: 'https://h.test/x', phase: 'setup' }, /parts/],
  ['what was kept in memory', { url: 'https://h.test/x', sha256: sha256('x'), size: 1, phase: 'predict' }, /memory/],
  ['what went to /tmp', aFile({ path: '/tmp/x' }), /nothing/],
  ['a repository in /tmp', ofHub('a', { cache: '/tmp/c/models--o--m' }), /nothing/],
  ['a repository without an owner', ofHub('a', { repository: 'gpt2' }), /no owner/],
])('%s is not offered, and why is told', (_, item, why) => {
  expect(adoptRecorded([item], NOTHING)).toMatchObject([{ kind: 'none', why: expect.stringMatching(why) }]);
});

it('files keep their hash, mode and way of unpacking, and say what the code and the lock need', () => {
  const file = { url: 'https://h.test/x.bin', path: '/src/x.bin', sha256: sha256('x') };
  expect(adoptRecorded([aFile()], NOTHING)).toMatchObject([{ file, note: expect.stringContaining('leave it alone') }]);
  expect(adoptRecorded([aFile({ executable: true })], NOTHING)).toMatchObject([{ file: { ...file, mode: '0755' } }]);
  expect(adoptRecorded([aFile({ unpacked: true })], NOTHING)).toMatchObject([{ file: { ...file, unpack: true } }]);
  expect(adoptRecorded([aFile({ authorized: true })], NOTHING)).toMatchObject([
    { note: expect.stringContaining('credentials') },
  ]);
  const [checkpoint] = adoptRecorded([aFile({ path: '/root/.cache/torch/hub/checkpoints/x.pth' })], NOTHING);
  expect(checkpoint).not.toHaveProperty('note');
});

it('what pget fetched is answered for: where it lay, and for what lasts nowhere at a place of its own', () => {
  const file = { url: 'https://h.test/x.bin', path: '/src/x.bin', sha256: sha256('x'), answers: 'pget' };
  const [kept] = adoptRecorded([aFile({ byPget: true })], NOTHING);
  expect(kept).toMatchObject({ kind: 'file', file });
  expect(kept).not.toHaveProperty('note');
  const own = `/opt/pget/${sha256('https://h.test/x.bin').slice(0, 12)}`;
  const { path: _, ...gone } = aFile({ byPget: true });
  const odd = ['/tmp/x', '/run/x'].map((path) => aFile({ byPget: true, path }));
  for (const item of [gone, ...odd])
    expect(adoptRecorded([item], NOTHING)).toMatchObject([{ file: { ...file, path: `${own}/x.bin` } }]);
  expect(adoptRecorded([aFile({ byPget: true, path: '/tmp/d', unpacked: true })], NOTHING)).toMatchObject([
    { file: { ...file, path: own, unpack: true } },
  ]);
  const nameless = 'https://h.test/?a=%20b';
  expect(adoptRecorded([aFile({ byPget: true, url: nameless, path: '/tmp/x' })], NOTHING)).toMatchObject([
    { file: { url: nameless, path: `/opt/pget/${sha256(nameless).slice(0, 12)}/file` } },
  ]);
});

it('what is declared already is left alone, and two revisions cannot have one place', () => {
  const taken = new Set(['/src/x.bin', '/opt/huggingface/hub/models--o--m']);
  const known = adoptRecorded([aFile(), ofHub('a', { cache: CACHE })], { ...NOTHING, taken });
  expect(known.map(({ kind }) => kind)).toEqual(['known', 'known']);
  const two = adoptRecorded([ofHub('a'), ofHub('a', { revision: 'v2' })], NOTHING);
  expect(two.map(({ kind }) => kind)).toEqual(['weights', 'none']);
});

import { compareDebianVersions, parseDebianVersion } from '../../formats/debian/version.ts';
import { compareVersions, isPrerelease, parseVersion } from '../../formats/python/version.ts';
import type { DiffFacts } from './facts.ts';
import type { Change, Risk } from './schema.generated.ts';

type Draft = Pick<Change, 'family' | 'subject' | 'kind' | 'from' | 'to' | 'details'>;

/** What a reader should look at twice before accepting a change, the gravest first. */
export function risksOf(change: Draft, facts: DiffFacts): readonly Risk[] {
  const risks: Risk[] = [];
  const add = (level: Risk['level'], kind: Risk['kind'], text: string): void => {
    risks.push({ kind, level, text });
  };
  const { family, kind, from, to, details } = change;
  const detail = (field: string) => details.find((item) => item.field === field);

  if (kind === 'other-bytes')
    add('high', 'other-bytes', `same version, other bytes: ${shortHash(from)} → ${shortHash(to)}`);
  risks.push(...releaseRisks(from, to, facts));
  if (from !== null && to !== null && from.index !== to.index) {
    add(
      'high',
      'new-index',
      `comes from ${to.index ?? 'the only index'}, before from ${from.index ?? 'the only index'}`,
    );
  } else if (from?.url !== undefined && to?.url !== undefined && hostOf(from.url) !== hostOf(to.url)) {
    add('medium', 'new-host', `comes from ${hostOf(to.url)}, before from ${hostOf(from.url)}`);
  }
  for (const index of change.subject === 'package indexes' && family === 'python' ? newEntries(detail('value')) : []) {
    add('high', 'new-index', `packages may now come from ${index}`);
  }
  for (const signer of newEntries(detail('signers'))) add('high', 'new-signer', `signed by a new key, ${signer}`);
  if (family === 'base' && kind === 'changed') add('high', 'base', 'every package of the system moves with the base');
  if (family === 'interpreter' && from !== null && to !== null && minorOf(from.value) !== minorOf(to.value)) {
    add('high', 'interpreter', 'wheels with compiled parts are other files for another Python');
  }
  if (to?.computed === true && (from?.computed !== true || from.sha256 !== to.sha256)) {
    add('medium', 'computed-hash', 'the index gives no hash: the one locked was computed from what it served');
  }
  risks.push(...gpuRisks(change), ...builtRisks(change));
  risks.push(...versionRisks(change));
  const scripts = details
    .filter(({ field }) => field.startsWith('scripts.'))
    .map(({ field }) => field.slice('scripts.'.length));
  if (scripts.length > 0) add('low', 'scripts', `maintainer scripts differ: ${scripts.join(', ')}`);
  return risks.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}

/** What the people behind a package did: withdrew it, changed its terms, or became others. */
function releaseRisks(from: Change['from'], to: Change['to'], { releases }: DiffFacts): readonly Risk[] {
  const [old, now] = [from, to].map((side) => (side?.sha256 === undefined ? undefined : releases?.get(side.sha256)));
  if (now === undefined) return [];
  const risks: Risk[] = [];
  const because = (reason: string | undefined): string => (reason === undefined || reason === '' ? '' : `: ${reason}`);
  if (now.yanked !== undefined) {
    risks.push({ level: 'high', kind: 'yanked', text: `the release was yanked${because(now.yanked)}` });
  }
  if (now.project?.status === 'quarantined') {
    risks.push({
      level: 'high',
      kind: 'quarantined',
      text: `the index holds the project in quarantine${because(now.project.reason)}`,
    });
  } else if (now.project !== undefined) {
    const text = `its project is ${now.project.status}${because(now.project.reason)}`;
    risks.push({ level: 'low', kind: 'retired', text });
  }
  if (old?.licence !== undefined && !isSameLicence(old.licence, now.licence)) {
    const text = `licence ${old.licence} → ${now.licence ?? 'not told'}`;
    risks.push({ level: 'medium', kind: 'licence', text });
  }
  const others = (now.people ?? []).filter((name) => !old?.people?.includes(name));
  if (old?.people !== undefined && old.people.length > 0 && others.length > 0) {
    risks.push({ level: 'medium', kind: 'people', text: `names other people: ${others.join(', ')}` });
  }
  return risks;
}

/** Which cards and drivers the image still runs on, and which it newly does. */
function gpuRisks({ family, from, to, details }: Draft): readonly Risk[] {
  if (family !== 'accelerator' || from === null || to === null) return [];
  const risks: Risk[] = [];
  const cards = details.find(({ field }) => field === 'architectures');
  const [old, now] = [listOf(cards?.from), listOf(cards?.to)];
  const lost = cards === undefined ? [] : old.filter((name) => !now.includes(name));
  const won = cards === undefined ? [] : now.filter((name) => !old.includes(name));
  if (lost.length > 0) risks.push({ kind: 'gpu', level: 'high', text: `no kernels for ${lost.join(', ')} any more` });
  if (won.length > 0) risks.push({ kind: 'gpu', level: 'low', text: `kernels for ${won.join(', ')} as well` });
  const driver = details.find(({ field }) => field === 'minimumDriver');
  const [before, after] = [driver?.from, driver?.to].map((value) => parseVersion(String(value ?? '')));
  if (before !== undefined && after !== undefined && compareVersions(after, before) > 0) {
    const text = `needs driver ${String(driver?.to)} or newer, before ${String(driver?.from)}`;
    risks.push({ kind: 'gpu', level: 'medium', text });
  }
  return risks;
}

/** A wheel that was built here is as good as what it was built from. */
function builtRisks({ family, kind, to, details }: Draft): readonly Risk[] {
  if (family !== 'python' || to === null) return [];
  const moved = details.some(({ field }) => field.startsWith('built.'));
  const built = details.find(({ field }) => field === 'built');
  if (moved) return [{ kind: 'built', level: 'low', text: 'its wheel is built anew from its source' }];
  if (kind === 'added' || built === undefined) return [];
  const text = built.to === undefined ? 'comes as a wheel now' : 'has no wheel: one is built from its source';
  return [{ kind: 'built', level: built.to === undefined ? 'low' : 'medium', text }];
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

const LICENCES = /AGPL|LGPL|GPL|MIT|BSD|APACHE|MPL|ISC|PSF|PYTHON|ZLIB|CC0|CC-BY|UNLICENSE|EPL|PROPRIETARY|COMMERCIAL/g;

/** Packages move from free text to SPDX expressions: another spelling of the same licences, or fewer of them, is no news. */
function isSameLicence(before: string, after: string | undefined): boolean {
  if (after === undefined) return false;
  const [old, now] = [before, after].map((text) => new Set(text.toUpperCase().match(LICENCES)));
  return before === after || (now !== undefined && now.size > 0 && [...now].every((name) => old?.has(name)));
}

const LEVELS: readonly Risk['level'][] = ['high', 'medium', 'low'];

function versionRisks({ family, subject, kind, from, to }: Draft): readonly Risk[] {
  const risks: Risk[] = [];
  if (family === 'system') {
    if (kind !== 'changed' || from === null || to === null) return [];
    const archive = subject.startsWith('archive ');
    if (archive ? to.value < from.value : isOlder(to.value, from.value)) {
      risks.push({ kind: 'downgrade', level: archive ? 'high' : 'medium', text: 'older than what is locked' });
    }
    const [old, now] = [upstreamMajor(from.value), upstreamMajor(to.value)];
    if (!archive && old !== now) risks.push({ kind: 'major', level: 'low', text: `upstream version ${old} → ${now}` });
    return risks;
  }
  if (family !== 'python' && family !== 'runtime') return [];
  const [old, now] = [from && parseVersion(from.value), to && parseVersion(to.value)];
  if (!now) return [];
  if (isPrerelease(now) && (kind === 'added' || (kind === 'changed' && !(old && isPrerelease(old))))) {
    risks.push({ kind: 'pre-release', level: 'medium', text: 'a pre-release' });
  }
  if (!old || kind !== 'changed') return risks;
  if (compareVersions(now, old) < 0)
    risks.push({ kind: 'downgrade', level: 'medium', text: 'older than what is locked' });
  const [major, oldMajor] = [now.release[0] ?? 0, old.release[0] ?? 0];
  if (major !== oldMajor) risks.push({ kind: 'major', level: 'medium', text: `major version ${oldMajor} → ${major}` });
  return risks;
}

function isOlder(version: string, than: string): boolean {
  const known = parseDebianVersion(version) !== undefined && parseDebianVersion(than) !== undefined;
  return known && compareDebianVersions(version, than) < 0;
}

function upstreamMajor(version: string): string {
  const upstream = parseDebianVersion(version)?.upstream ?? version;
  return /^\d+/.exec(upstream)?.[0] ?? upstream;
}

function newEntries(detail: { readonly from?: unknown; readonly to?: unknown } | undefined): readonly string[] {
  if (!Array.isArray(detail?.to)) return [];
  const before: readonly unknown[] = Array.isArray(detail.from) ? detail.from : [];
  return detail.to.filter((entry) => !before.includes(entry)).map(String);
}

function hostOf(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/([^/]*)/i.exec(url)?.[1] ?? url;
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function shortHash(side: Change['from']): string {
  return (side?.sha256 ?? side?.value ?? '').replace(/^sha256:/, '').slice(0, 12);
}

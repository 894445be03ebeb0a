import { createHash } from 'node:crypto';
import { compareBytes } from '../../../canonical.ts';
import type { DebControl } from '../../../formats/debian/deb-archive.ts';
import type { Diversion, StatOverride } from './apply-effects.ts';
import type { ConfiguredTree } from './configured-tree.ts';
import type { DebPackage } from './deb-package.ts';
import { mergeUsrPath } from './merged-usr.ts';

export interface InstalledPackage {
  readonly deb: DebPackage;
  readonly control: DebControl;
}

export interface DatabaseInput {
  readonly architecture: string;
  /** Sorted by name. */
  readonly packages: readonly InstalledPackage[];
  readonly diversions: readonly Diversion[];
  readonly statOverrides: readonly StatOverride[];
  /** Names of packages that dpkg still has to configure. */
  readonly unpacked?: ReadonlySet<string>;
}

const ROOT = '/var/lib/dpkg';

/** dpkg's database (dpkg(1), FILES) of packages that are installed and configured, as if nothing ever happened before. */
export function writeDpkgDatabase(tree: ConfiguredTree, input: DatabaseInput): void {
  const { architecture, packages, diversions, statOverrides, unpacked = new Set() } = input;
  for (const name of ['alternatives', 'info', 'parts', 'triggers', 'updates']) {
    tree.makeDirectory(`${ROOT}/${name}`, { parents: true });
  }
  tree.generate(`${ROOT}/status`, packages.map((item) => `${statusOf(tree, item, unpacked)}\n`).join(''));
  tree.generate(`${ROOT}/available`, '');
  tree.generate(`${ROOT}/arch`, `${architecture}\n`);
  tree.generate(`${ROOT}/info/format`, '1\n');
  for (const item of packages) writeInfo(tree, item);
  writeTriggers(tree, packages);
  const diverted = diversions.map(({ path, to, by }) => `${path}\n${to}\n${by}\n`).sort(compareBytes);
  tree.generate(`${ROOT}/diversions`, diverted.join(''));
  if (statOverrides.length > 0) {
    const lines = statOverrides.map(({ owner, group, mode, path }) => `${owner} ${group} ${mode} ${path}\n`);
    tree.generate(`${ROOT}/statoverride`, lines.sort(compareBytes).join(''));
  }
}

/** The database of an image with more packages in it: theirs take the place of what has their names, everything else stays. */
export function extendDpkgDatabase(tree: ConfiguredTree, input: DatabaseInput): void {
  const { packages, diversions, statOverrides, unpacked = new Set() } = input;
  const names = new Set(packages.map(({ deb }) => deb.input.name));
  const before = (tree.readText(`${ROOT}/status`) ?? '').split(/\n{2,}/).filter((paragraph) => {
    const name = /^Package:\s*(\S+)/m.exec(paragraph)?.[1];
    return name !== undefined && !names.has(name);
  });
  const paragraphs = [
    ...before.map((text) => `${text.trim()}\n\n`),
    ...packages.map((item) => `${statusOf(tree, item, unpacked)}\n`),
  ];
  tree.generate(`${ROOT}/status`, paragraphs.join(''));
  for (const item of packages) writeInfo(tree, item);
  const kept = readTriggers(tree, names);
  writeTriggers(tree, packages, kept);
  if (diversions.length > 0) {
    const lines = diversions.map(({ path, to, by }) => `${path}\n${to}\n${by}\n`).sort(compareBytes);
    tree.generate(`${ROOT}/diversions`, `${tree.readText(`${ROOT}/diversions`) ?? ''}${lines.join('')}`);
  }
  if (statOverrides.length > 0) {
    const lines = statOverrides.map(({ owner, group, mode, path }) => `${owner} ${group} ${mode} ${path}\n`);
    const known = tree.readText(`${ROOT}/statoverride`) ?? '';
    tree.generate(`${ROOT}/statoverride`, known + lines.sort(compareBytes).join(''));
  }
}

interface Interests {
  readonly files: readonly string[];
  readonly named: ReadonlyMap<string, readonly string[]>;
}

/** The interests of a database in triggers, without those of some packages. */
function readTriggers(tree: ConfiguredTree, without: ReadonlySet<string>): Interests {
  const lines = (path: string): readonly string[] =>
    (tree.readText(path) ?? '').split('\n').flatMap((line) => {
      const who = line.trim().split(/\s+/).at(-1) ?? '';
      return who === '' || without.has(who.replace(/[:/].*$/, '')) ? [] : [`${line.trim()}\n`];
    });
  const own = ['File', 'Unincorp', 'Lock'];
  const names = tree.list(`${ROOT}/triggers`).filter((name) => !own.includes(name));
  return {
    files: lines(`${ROOT}/triggers/File`),
    named: new Map(names.map((name) => [name, lines(`${ROOT}/triggers/${name}`)])),
  };
}

/** Fields in the order in which dpkg writes them; others follow as they came (dpkg, lib/dpkg/parse.c). */
const FIELD_ORDER = [
  'Package',
  'Essential',
  'Protected',
  'Status',
  'Priority',
  'Section',
  'Installed-Size',
  'Origin',
  'Maintainer',
  'Bugs',
  'Architecture',
  'Multi-Arch',
  'Source',
  'Version',
  'Replaces',
  'Provides',
  'Depends',
  'Pre-Depends',
  'Recommends',
  'Suggests',
  'Breaks',
  'Conflicts',
  'Enhances',
  'Conffiles',
  'Description',
];

function statusOf(tree: ConfiguredTree, { deb, control }: InstalledPackage, unpacked: ReadonlySet<string>): string {
  const fields = new Map<string, string>();
  for (const text of control.controlText.trim().split(/\n(?=[^ \t\n])/)) {
    const colon = text.indexOf(':');
    if (colon > 0) fields.set(text.slice(0, colon), text.slice(colon + 1).trim());
  }
  fields.set('Status', unpacked.has(deb.input.name) ? 'install ok unpacked' : 'install ok installed');
  const conffiles = conffileSums(tree, { deb, control });
  if (conffiles !== '') fields.set('Conffiles', conffiles);
  const names = [...FIELD_ORDER.filter((name) => fields.has(name)), ...[...fields.keys()].filter(isExtraField)];
  return names.map((name) => formatField(name, fields.get(name) ?? '')).join('');
}

function isExtraField(name: string): boolean {
  return !FIELD_ORDER.includes(name);
}

function formatField(name: string, value: string): string {
  return value.startsWith('\n') ? `${name}:${value}\n` : `${name}: ${value}\n`;
}

function conffileSums(tree: ConfiguredTree, { deb, control }: InstalledPackage): string {
  const text = control.scripts.get('conffiles')?.toString('utf8') ?? '';
  return text
    .split('\n')
    .flatMap((line) => {
      const path = line.trim();
      // deb-conffiles(5): a path that is gone stays on the list, for the day when an older version had it.
      const gone = /^remove-on-upgrade[ \t]+(\/.*)$/.exec(path)?.[1];
      if (gone !== undefined) return [`\n ${gone} newconffile remove-on-upgrade`];
      if (!path.startsWith('/')) return [];
      const member = deb.members.find((item) => item.type === 'file' && `/${item.path}` === path);
      if (member === undefined) return [];
      const node = tree.getTarget(mergeUsrPath(path.slice(1), 'other'));
      const packaged = { ...(node ?? EMPTY_FILE), body: member, owner: deb };
      return [
        `\n ${path} ${createHash('md5')
          .update(tree.readPart(packaged, 0, member.size))
          .digest('hex')}`,
      ];
    })
    .join('');
}

const EMPTY_FILE = { type: 'file', mode: 0, uid: 0, gid: 0, target: '', data: undefined, origin: '' } as const;

/** `libc6:amd64` for packages that may be installed for several architectures, otherwise the bare name. */
function displayName({ deb, control }: InstalledPackage): string {
  const { name, architecture } = deb.input;
  return control.paragraph.get('multi-arch') === 'same' ? `${name}:${architecture}` : name;
}

function writeInfo(tree: ConfiguredTree, item: InstalledPackage): void {
  const base = `${ROOT}/info/${displayName(item)}`;
  const paths = item.deb.members.map(({ path }) => (path === '' ? '/.\n' : `/${path}\n`));
  tree.generate(`${base}.list`, paths.join(''));
  for (const [name, content] of item.control.scripts) {
    const executable = ((item.control.modes.get(name) ?? 0) & 0o111) !== 0;
    tree.generate(`${base}.${name}`, content, { mode: executable ? 0o755 : 0o644 });
  }
}

/** Who is interested in what (deb-triggers(5)): paths in one file, other names in a file each. */
function writeTriggers(
  tree: ConfiguredTree,
  packages: readonly InstalledPackage[],
  before: Interests = { files: [], named: new Map() },
): void {
  const files: string[] = [...before.files];
  const named = new Map<string, string[]>([...before.named].map(([name, lines]) => [name, [...lines]]));
  for (const item of packages) {
    const text = item.control.scripts.get('triggers')?.toString('utf8') ?? '';
    for (const [, mode = '', trigger = ''] of text.matchAll(/^[ \t]*interest(-noawait|-await)?[ \t]+(\S+)/gm)) {
      const who = `${displayName(item)}${mode === '-noawait' ? '/noawait' : ''}`;
      if (trigger.startsWith('/')) files.push(`${trigger} ${who}\n`);
      else if (/^[A-Za-z0-9][\w.+-]*$/.test(trigger)) named.set(trigger, [...(named.get(trigger) ?? []), `${who}\n`]);
    }
  }
  tree.generate(`${ROOT}/triggers/File`, files.sort(compareBytes).join(''));
  tree.generate(`${ROOT}/triggers/Unincorp`, '');
  for (const [trigger, lines] of named) tree.generate(`${ROOT}/triggers/${trigger}`, lines.sort(compareBytes).join(''));
}

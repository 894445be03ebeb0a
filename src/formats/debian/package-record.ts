import { asSha256, isSha256, type Sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { type ControlParagraph, requireField } from './control.ts';
import { type Dependency, type DependencyGroup, isPackageName, parseDependencies } from './dependency.ts';
import { parseDebianVersion } from './version.ts';

/** What resolving needs to know of one version of one binary package, wherever it is. */
export interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly essential: boolean;
  /** Whether `name:any` means it (Multi-Arch: allowed). */
  readonly anyArchitecture: boolean;
  /** Pre-Depends, then Depends, in their order. */
  readonly depends: readonly DependencyGroup[];
  readonly recommends: readonly DependencyGroup[];
  /** Breaks and Conflicts: for packages of one unpacked tree they mean the same. */
  readonly conflicts: readonly Dependency[];
  readonly provides: readonly Dependency[];
  /** required 0, important 1, standard 2, optional 3, extra 4. */
  readonly priority: number;
}

/** A package that can be had. */
export interface PackageRecord extends PackageFacts {
  readonly file: PackageFile;
}

export interface PackageFile {
  readonly url: string;
  readonly sha256: Sha256;
  readonly size: number;
}

const PRIORITIES: readonly string[] = ['required', 'important', 'standard', 'optional', 'extra'];
const MAX_DEB = 8 * 1024 ** 3;

/** A stanza of a Packages index whose files lie below `baseUrl`. */
export function readIndexRecord(stanza: ControlParagraph, baseUrl: string, architecture: string): PackageRecord {
  const what = `the package ${stanza.get('package') ?? '?'} of ${baseUrl}`;
  const filename = requireField(stanza, 'Filename', what).replace(/^\.\//, '');
  if (!/^[A-Za-z0-9][A-Za-z0-9._+~/%:-]*\.deb$/.test(filename) || filename.split('/').includes('..')) {
    throw recordError(what, `the file name ${JSON.stringify(filename)}`);
  }
  const hash = requireField(stanza, 'SHA256', what);
  const size = Number(requireField(stanza, 'Size', what));
  if (!isSha256(hash)) throw recordError(what, 'no valid SHA256');
  if (!Number.isSafeInteger(size) || size <= 0 || size > MAX_DEB) throw recordError(what, 'no valid Size');
  return readPackageRecord(stanza, { url: `${baseUrl}/${filename}`, sha256: asSha256(hash), size }, architecture);
}

/** A binary package's control paragraph, together with where its .deb is. */
export function readPackageRecord(paragraph: ControlParagraph, file: PackageFile, architecture: string): PackageRecord {
  return { ...readPackageFacts(paragraph, architecture, file.url), file };
}

/** A binary package's control paragraph; `where` names what holds it. */
export function readPackageFacts(paragraph: ControlParagraph, architecture: string, where: string): PackageFacts {
  const name = requireField(paragraph, 'Package', where);
  const what = `the package ${name}`;
  const version = requireField(paragraph, 'Version', what);
  const own = requireField(paragraph, 'Architecture', what);
  if (!isPackageName(name)) throw recordError(what, 'no valid name');
  if (parseDebianVersion(version) === undefined) throw recordError(what, `no valid version ${JSON.stringify(version)}`);
  if (own !== architecture && own !== 'all') throw recordError(what, `it is for ${own}, not for ${architecture}`);
  const groups = (field: string) => parseDependencies(paragraph.get(field) ?? '', architecture, what);
  return {
    name,
    version,
    architecture: own,
    essential: paragraph.get('essential') === 'yes',
    anyArchitecture: paragraph.get('multi-arch') === 'allowed',
    depends: [...groups('pre-depends'), ...groups('depends')],
    recommends: groups('recommends'),
    conflicts: [...groups('conflicts'), ...groups('breaks')].flat(),
    provides: groups('provides').flat(),
    priority: Math.max(PRIORITIES.indexOf(paragraph.get('priority') ?? 'optional'), 0),
  };
}

function recordError(what: string, problem: string): CogplanError {
  return new CogplanError('COGPLAN_CONTROL_INVALID', `${what}: ${problem}`, { subject: what });
}

// Generated from lockfiles/schema/lock.json by scripts/generate-lock-types.mjs; do not edit.

/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Sha256".
 */
export type Sha256 = import('../digest.ts').Sha256;
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Base".
 */
export type Base = DebianBase | ImageBase;
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Digest".
 */
export type Digest = import('../digest.ts').Digest;

/**
 * cogplan.lock, version 1: everything that enters an image, by sha256 and size.
 */
export interface Lock {
  /**
   * Version of this format. Another number is refused.
   */
  lockVersion: 1;
  /**
   * Number of the rules that turn recipes into bytes.
   */
  assembler: 1;
  /**
   * Name and version of the program that wrote the lock.
   */
  writtenBy: string;
  /**
   * RFC 3339 instant: nothing newer was considered.
   */
  asOf: string | null;
  asked: Asked;
  holds: Hold[];
  tools: Tool[];
  targets: {
    [k: string]: Target;
  };
}
/**
 * What was asked, by family and key of the project's files, in normal form.
 *
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Asked".
 */
export interface Asked {
  [k: string]: {
    [k: string]: import('../canonical.ts').Json;
  };
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Hold".
 */
export interface Hold {
  subject: string;
  reason: string;
  since: string;
  until?: string;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Tool".
 */
export interface Tool {
  name: string;
  version: string;
  /**
   * Where it runs, such as linux/amd64 or darwin/arm64.
   */
  host: string;
  file: File;
}
/**
 * An artifact: bytes named by sha256 and size, and where to get them. A `cogplan:` URL names a file that ships with cogplan.
 *
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "File".
 */
export interface File {
  url: string;
  mirrors?: string[];
  sha256: Sha256;
  size: number;
  /**
   * The index gave no hash: it was computed from the bytes at lock time.
   */
  computed?: true;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Target".
 */
export interface Target {
  base: Base;
  interpreter: Interpreter;
  accelerator: null | Accelerator;
  system: System;
  toolchain?: Toolchain;
  python: Python;
  files: PlacedFile[];
  weights: WeightSet[];
  steps: Step[];
  runtime: Runtime;
  image: Image;
  seals: Seal[];
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "DebianBase".
 */
export interface DebianBase {
  kind: 'debian';
  suite: string;
  why: string;
}
/**
 * An image of a registry that the image stands on.
 *
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "ImageBase".
 */
export interface ImageBase {
  kind: 'image';
  /**
   * Its full name, as it was asked for.
   */
  image: string;
  /**
   * What the name stood for: an index, or the manifest.
   */
  tagged: import('../digest.ts').Digest;
  /**
   * When it was made, by its own word.
   */
  created?: string;
  manifest: File;
  config: File;
  /**
   * Bottom first.
   *
   * @minItems 1
   */
  layers: BaseLayer[];
  facts: BaseFacts;
  env: string[];
  why: string;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "BaseLayer".
 */
export interface BaseLayer {
  file: File1;
  compression: 'none' | 'gzip' | 'zstd';
  diffId: Digest;
  /**
   * Bytes of the uncompressed tar.
   */
  size: number;
}
/**
 * An artifact: bytes named by sha256 and size, and where to get them. A `cogplan:` URL names a file that ships with cogplan.
 */
export interface File1 {
  url: string;
  mirrors?: string[];
  sha256: Sha256;
  size: number;
  /**
   * The index gave no hash: it was computed from the bytes at lock time.
   */
  computed?: true;
}
/**
 * What was read in the layers when the lock was made.
 *
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "BaseFacts".
 */
export interface BaseFacts {
  /**
   * ID of os-release, such as ubuntu.
   */
  distribution: string;
  /**
   * VERSION_ID of os-release.
   */
  release: string;
  /**
   * VERSION_CODENAME, where packages are Debian's or Ubuntu's.
   */
  suite?: string;
  glibc: string;
  /**
   * Whether /bin is a link to /usr/bin.
   */
  mergedUsr: boolean;
  /**
   * sha256 of the dpkg database, where there is one.
   */
  packages?: import('../digest.ts').Sha256;
  /**
   * Path of an init program, such as /usr/bin/tini.
   */
  init?: string;
  /**
   * Whether `python` is on the PATH.
   */
  python?: true;
  /**
   * Path of the certificates that programs trust, where there are some.
   */
  certificates?: string;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Interpreter".
 */
export interface Interpreter {
  /**
   * Full version, such as 3.11.2.
   */
  version: string;
  provider: 'debian' | 'standalone' | 'base';
  /**
   * Of a standalone interpreter: the release of its archive.
   */
  build?: string;
  file?: File;
  /**
   * Absolute path in the image.
   */
  path: string;
  /**
   * Where an interpreter that is not Debian's looks for what pip installs.
   */
  modules?: string;
  why: string;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Accelerator".
 */
export interface Accelerator {
  cuda?: string;
  cudnn?: string;
  /**
   * Whose CUDA it is: that of wheels, or of the image below.
   */
  provider: 'wheels' | 'base';
  why: string;
  /**
   * Which package each of the versions is that of.
   */
  from?: {
    cuda?: string;
    cudnn?: string;
  };
  /**
   * GPU architectures that the wheels have kernels for.
   */
  architectures?: string[];
  /**
   * The driver can compile the kernels for later architectures.
   */
  ptx?: true;
  minimumDriver?: string;
  /**
   * The table that chose and explained.
   */
  table?: {
    date: string;
    sha256: Sha256;
  };
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "System".
 */
export interface System {
  archives: Archive[];
  packages: SystemPackage[];
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Archive".
 */
export interface Archive {
  url: string;
  suite: string;
  component: string;
  /**
   * Date of the Release file, RFC 3339.
   */
  date: string;
  validUntil?: string;
  /**
   * Fingerprints of the primary keys whose signatures were good.
   *
   * @minItems 1
   */
  signers: string[];
  inRelease: File2;
  signature?: File3;
  key?: File4;
  packages: File5;
}
/**
 * An artifact: bytes named by sha256 and size, and where to get them. A `cogplan:` URL names a file that ships with cogplan.
 */
export interface File2 {
  url: string;
  mirrors?: string[];
  sha256: Sha256;
  size: number;
  /**
   * The index gave no hash: it was computed from the bytes at lock time.
   */
  computed?: true;
}
/**
 * An artifact: bytes named by sha256 and size, and where to get them. A `cogplan:` URL names a file that ships with cogplan.
 */
export interface File3 {
  url: string;
  mirrors?: string[];
  sha256: Sha256;
  size: number;
  /**
   * The index gave no hash: it was computed from the bytes at lock time.
   */
  computed?: true;
}
/**
 * An artifact: bytes named by sha256 and size, and where to get them. A `cogplan:` URL names a file that ships with cogplan.
 */
export interface File4 {
  url: string;
  mirrors?: string[];
  sha256: Sha256;
  size: number;
  /**
   * The index gave no hash: it was computed from the bytes at lock time.
   */
  computed?: true;
}
/**
 * An artifact: bytes named by sha256 and size, and where to get them. A `cogplan:` URL names a file that ships with cogplan.
 */
export interface File5 {
  url: string;
  mirrors?: string[];
  sha256: Sha256;
  size: number;
  /**
   * The index gave no hash: it was computed from the bytes at lock time.
   */
  computed?: true;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "SystemPackage".
 */
export interface SystemPackage {
  name: string;
  version: string;
  architecture: string;
  /**
   * The first group whose closure needs it; one layer per group.
   */
  group: 'base' | 'interpreter' | 'system';
  file: File;
  /**
   * Where it was asked for, when it was asked for by name.
   */
  asked?: string;
  /**
   * Names of the locked packages that satisfy its dependencies.
   */
  depends: string[];
  /**
   * Names of the locked packages that it recommends, where the project asks for them.
   */
  recommends?: string[];
  /**
   * Maintainer scripts and triggers by name, each understood when the lock was made.
   */
  scripts: {
    [k: string]: Sha256;
  };
  /**
   * Its scripts are not understood: they run once in the sandbox, and what they leave is a sealed layer.
   */
  configure?: 'sealed';
}
/**
 * What wheels are built with beside the system packages: never part of an image.
 *
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Toolchain".
 */
export interface Toolchain {
  packages: SystemPackage[];
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Python".
 */
export interface Python {
  /**
   * Index URLs in order of preference, without credentials.
   */
  indexes: string[];
  packages: PythonPackage[];
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "PythonPackage".
 */
export interface PythonPackage {
  /**
   * Normalised by PEP 503.
   */
  name: string;
  version: string;
  file: File;
  /**
   * Index it came from, when there is more than one.
   */
  index?: string;
  /**
   * Requirements of the project that name it, each with its place.
   */
  asked?: string[];
  /**
   * Requirements of its metadata that hold for the target.
   */
  requires: string[];
  built?: Built;
}
/**
 * How the package's wheel was made from its source when the lock was made.
 *
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Built".
 */
export interface Built {
  source: BuiltSource;
  /**
   * Wheels it was built with.
   */
  requires: BuildRequirement[];
  /**
   * `KEY=VALUE` of `--config-settings` and `--global-option`, for its build backend.
   */
  settings?: string[];
  /**
   * sha256 over all inputs: the same recipe gives the same wheel.
   */
  recipe: import('../digest.ts').Sha256;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "BuiltSource".
 */
export interface BuiltSource {
  /**
   * What the file is: an archive, or a tar of the tree, whose URL is `git+URL@COMMIT` or `project:PATH`.
   */
  kind: 'archive' | 'git' | 'directory';
  file: File;
  /**
   * Branch, tag or commit as it was asked for.
   */
  ref?: string;
  subdirectory?: string;
  /**
   * What tools that read the version from the repository are told.
   */
  version?: string;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "BuildRequirement".
 */
export interface BuildRequirement {
  name: string;
  version: string;
  file: File;
  built?: Built;
}
/**
 * Something that `build.run` or `files` puts at a place of the image: a file, a directory (empty, or filled from an archive or a git tree), a link. In the order in which they are put there; a later one replaces an earlier one.
 *
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "PlacedFile".
 */
export interface PlacedFile {
  /**
   * Absolute path in the image.
   */
  path: string;
  kind: 'file' | 'directory' | 'symlink';
  /**
   * Permission bits of a file or directory.
   */
  mode?: string;
  /**
   * The address as it was written, where it only says where to look.
   */
  asked?: string;
  file?: File6;
  /**
   * Its bytes, where they were written down.
   */
  text?: string;
  /**
   * Of a symlink.
   */
  target?: string;
  unpack?: Unpack;
  git?: GitTree;
  /**
   * Where it was asked for, such as build.run[0].
   */
  from: string;
  /**
   * Position among all files and steps.
   */
  order: number;
}
/**
 * An artifact: bytes named by sha256 and size, and where to get them. A `cogplan:` URL names a file that ships with cogplan.
 */
export interface File6 {
  url: string;
  mirrors?: string[];
  sha256: Sha256;
  size: number;
  /**
   * The index gave no hash: it was computed from the bytes at lock time.
   */
  computed?: true;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Unpack".
 */
export interface Unpack {
  format: 'tar' | 'tar.gz' | 'tar.xz' | 'tar.bz2' | 'tar.zst' | 'zip' | 'gz' | 'xz' | 'bz2' | 'zst';
  /**
   * Leading segments taken off each name.
   */
  strip?: number;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "GitTree".
 */
export interface GitTree {
  url: string;
  /**
   * The branch, tag or short hash asked for.
   */
  ref?: string;
  commit: string;
  tree: string;
  submodules?: true;
  /**
   * Files that LFS holds stay pointers.
   */
  lfs?: false;
}
/**
 * Weights under one directory of the image, in the order of the project's files.
 *
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "WeightSet".
 */
export interface WeightSet {
  name: string;
  /**
   * Directory in the image.
   */
  target: string;
  /**
   * image: in layers of their own. startup: fetched and checked when the server starts.
   */
  place: 'image' | 'startup';
  /**
   * @minItems 1
   */
  sources: WeightSource[];
  /**
   * As Cog's weights.lock has it: sha256 of the sorted lines `<hex>  <path>`.
   */
  setDigest: import('../digest.ts').Digest;
  files: WeightFile[];
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "WeightSource".
 */
export interface WeightSource {
  uri: string;
  /**
   * What the source was when it was read: a commit, a strong ETag, or a digest.
   */
  fingerprint: string;
  include?: string[];
  exclude?: string[];
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "WeightFile".
 */
export interface WeightFile {
  /**
   * Relative to the set's target.
   */
  path: string;
  file: File;
}
/**
 * A command of `build.run` that is run in the image as far as it is made by then; what it leaves is a layer.
 *
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Step".
 */
export interface Step {
  /**
   * What /bin/sh -c gets.
   */
  command: string;
  /**
   * Why it is run rather than read.
   */
  why: string;
  from: string;
  order: number;
  cwd: string;
  env?: {
    [k: string]: string;
  };
  secrets?: StepSecret[];
  network: 'none' | 'recorded';
  /**
   * Every answer that it got from the network when it was recorded.
   */
  fetched?: Exchange[];
  /**
   * It gives other bytes on each run, and the sealed ones are taken.
   */
  accepted?: true;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "StepSecret".
 */
export interface StepSecret {
  id: string;
  target: string;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Exchange".
 */
export interface Exchange {
  url: string;
  status: number;
  headers: {
    [k: string]: string;
  };
  file: File;
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Runtime".
 */
export interface Runtime {
  sdk: PythonPackage;
  server: PythonPackage[];
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Image".
 */
export interface Image {
  env: string[];
  entrypoint: string[];
  cmd: string[];
  workdir: string;
  user: string;
  ports: string[];
  labels: {
    [k: string]: string;
  };
}
/**
 * This interface was referenced by `Lock`'s JSON-Schema
 * via the `definition` "Seal".
 */
export interface Seal {
  /**
   * Name of the layer, unique in the target.
   */
  layer: string;
  family: string;
  /**
   * sha256 of the recipe's canonical JSON.
   */
  recipe: import('../digest.ts').Sha256;
  diffId: Digest;
  size: number;
}

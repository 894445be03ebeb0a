// Generated from lockfiles/schema/cogplan.json by scripts/generate-lock-types.mjs; do not edit.

/**
 * cogplan.yaml, an optional file beside cog.yaml: what Cog has no key for.
 */
export interface Settings {
  /**
   * What the image stands on: `debian` (the default), a Debian suite such as `bookworm`, or a registry image such as `nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04`.
   */
  base?: string;
  /**
   * Platforms that `cogplan lock` locks when none is named.
   *
   * @minItems 1
   */
  platforms?: ('linux/amd64' | 'linux/arm64')[];
  /**
   * Package indexes beyond those of the requirements. A package that `packages` of one index names comes from there only.
   */
  indexes?: PackageIndex[];
  /**
   * URL prefixes, or host names, and the URL prefix that is asked instead. The lock keeps the original address.
   */
  mirrors?: {
    [k: string]: string;
  };
  /**
   * Debian archives beyond those of the suite, each with its own key.
   */
  archives?: DebianArchive[];
  /**
   * Whether packages that system packages recommend are installed too: `true`, or the names of the packages whose recommendations are followed. Default: none.
   */
  recommends?: boolean | string[];
  /**
   * What happens to packages whose maintainer scripts are not recognised: `refused` (the default), or `sealed`: run once in the sandbox when the lock is made.
   */
  configure?: 'refused' | 'sealed';
  /**
   * What the commands of build.run may reach: `none` (the default), or `recorded`: each answer becomes a locked file.
   */
  network?: 'none' | 'recorded';
  /**
   * Rules for single commands of build.run.
   */
  steps?: StepRule[];
  /**
   * Files that enter the image beside what build.run fetches.
   */
  files?: FileRule[];
  /**
   * Whether large files of the project that are neither code nor media go into layers of their own, as with `--separate-weights` of Cog: they are locked, and an edit of code does not move them.
   */
  separate_weights?: boolean;
  /**
   * Weights that enter the image, or are named by it.
   */
  weights?: WeightsRule[];
  interpreter?: {
    /**
     * URL prefix to fetch standalone Python builds from, instead of their releases on GitHub.
     */
    mirror?: string;
    /**
     * Builds of your own, which go before all others.
     */
    builds?: {
      /**
       * Full version.
       */
      python: string;
      /**
       * Default: amd64.
       */
      architecture?: 'amd64' | 'arm64';
      url: string;
      sha256: string;
    }[];
  };
}
/**
 * This interface was referenced by `Settings`'s JSON-Schema
 * via the `definition` "PackageIndex".
 */
export interface PackageIndex {
  name: string;
  url: string;
  /**
   * Names of packages; `*` stands for any characters. Without it the index is asked for every package.
   */
  packages?: string[];
}
/**
 * This interface was referenced by `Settings`'s JSON-Schema
 * via the `definition` "DebianArchive".
 */
export interface DebianArchive {
  name?: string;
  url: string;
  /**
   * A suite, or a path that ends in `/` for a flat archive.
   */
  suite: string;
  components?: string[];
  /**
   * The only packages that are taken from it; `*` stands for any characters. Without it: all.
   */
  packages?: string[];
  /**
   * Path in the project of the OpenPGP key that signs the archive.
   */
  key: string;
}
/**
 * This interface was referenced by `Settings`'s JSON-Schema
 * via the `definition` "StepRule".
 */
export interface StepRule {
  /**
   * The command, word for word, or its number in build.run, from 1.
   */
  run: string | number;
  network?: 'none' | 'recorded';
  /**
   * Seal what the command leaves once, though a second run leaves other bytes.
   */
  accept?: boolean;
}
/**
 * This interface was referenced by `Settings`'s JSON-Schema
 * via the `definition` "FileRule".
 */
export interface FileRule {
  url: string;
  /**
   * Where it goes in the image.
   */
  path: string;
  /**
   * Other addresses of the same bytes, asked in this order when the first one gives nothing.
   */
  mirrors?: string[];
  sha256?: string;
  mode?: string;
  unpack?: boolean;
  /**
   * `pget`: when the model fetches this address by pget as it runs, it is answered with what lies in the image, without the network.
   */
  answers?: 'pget';
}
/**
 * Weights of this file, or, without source and target, where the set of this name in cog.yaml goes.
 *
 * This interface was referenced by `Settings`'s JSON-Schema
 * via the `definition` "WeightsRule".
 */
export interface WeightsRule {
  name?: string;
  source?: string;
  target?: string;
  include?: string[];
  exclude?: string[];
  /**
   * `image` (the default): in layers of their own. `startup`: fetched, checked and cached when the server starts.
   */
  place?: 'image' | 'startup';
  /**
   * `hub-cache`: laid out as the cache of the Hugging Face libraries has a repository; the target ends in `/models--owner--name`, below `/hub` for what HF_HOME is to name.
   */
  layout?: 'hub-cache';
}

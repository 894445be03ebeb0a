/** A fact about the tree that is only known when the effects are carried out. */
export type Condition =
  | {
      readonly kind: 'path';
      readonly path: string;
      /** `filled`: a file or directory that is not empty; `matched`: the path's last part is a pattern that something fits. */
      readonly is: 'there' | 'file' | 'filled' | 'matched' | 'directory' | 'link' | 'executable';
    }
  /** A program of that name on the standard PATH. */
  | { readonly kind: 'program'; readonly name: string }
  | { readonly kind: 'user' | 'group'; readonly name: string }
  /** A line of the file is the text, or begins with it, ends with it or has it within. */
  | { readonly kind: 'text'; readonly path: string; readonly text: string; readonly at: TextPlace }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'and' | 'or'; readonly of: readonly [Condition, Condition] };

export type TextPlace = 'line' | 'start' | 'end' | 'anywhere';

/** The result of an earlier `check`, asked for by its number. */
export interface Literal {
  readonly check: number;
  readonly value: boolean;
}

/** Holds when every literal of `all` holds, and of each list in `none` at least one literal does not. */
export interface Guard {
  readonly all: readonly Literal[];
  readonly none: readonly (readonly Literal[])[];
}

export interface AlternativeSlave {
  readonly link: string;
  readonly name: string;
  readonly path: string;
}

/** Parts of the configured tree that are generated as a whole once all packages are there. */
export type Generator =
  | 'ldconfig'
  | 'ca-certificates'
  | 'pam'
  | 'shells'
  | 'shadow'
  | 'sysusers'
  | 'gs-fontmap'
  | 'locale-list';

/** What a maintainer script would do to the tree. Paths are absolute; owners are `user:group`, `user` or `:group`. */
export type Action =
  | { readonly kind: 'check'; readonly check: number; readonly condition: Condition }
  | { readonly kind: 'link'; readonly path: string; readonly target: string; readonly force: boolean }
  | { readonly kind: 'directory'; readonly path: string; readonly mode: string | undefined; readonly parents: boolean }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly content: string;
      readonly append: boolean;
      readonly mode: number;
    }
  /** Creates an empty file unless one is there. */
  | { readonly kind: 'touch'; readonly path: string; readonly mode: number }
  | { readonly kind: 'copy'; readonly from: string; readonly to: string }
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
  /** With `pattern`, the path is a shell pattern. A directory goes only when it is empty, or with `recursive`. */
  | { readonly kind: 'remove'; readonly path: string; readonly recursive: boolean; readonly pattern: boolean }
  /** Perhaps removed: the tree must not have it. */
  | { readonly kind: 'absent'; readonly path: string; readonly pattern: boolean }
  /** `recursive`: with all that a directory holds. */
  | { readonly kind: 'mode'; readonly path: string; readonly mode: string; readonly recursive?: true }
  | { readonly kind: 'owner'; readonly path: string; readonly owner: string; readonly recursive?: true }
  | {
      readonly kind: 'alternative';
      readonly link: string;
      readonly name: string;
      readonly path: string;
      readonly priority: number;
      readonly slaves: readonly AlternativeSlave[];
    }
  | {
      readonly kind: 'user';
      readonly name: string;
      readonly uid: number | undefined;
      /** Primary group, by name; `undefined` is `nogroup`. */
      readonly group: string | undefined;
      readonly home: string;
      readonly createHome: boolean;
      readonly shell: string;
      readonly gecos: string;
    }
  | { readonly kind: 'group'; readonly name: string; readonly gid: number | undefined }
  | { readonly kind: 'member'; readonly user: string; readonly group: string }
  | { readonly kind: 'diversion'; readonly path: string; readonly to: string; readonly by: string }
  | {
      readonly kind: 'statoverride';
      readonly path: string;
      readonly owner: string;
      readonly group: string;
      readonly mode: string;
    }
  | { readonly kind: 'generate'; readonly what: Generator; readonly arguments: readonly string[] }
  /**
   * A statement that is not understood, on a branch that is only taken where all of these paths, or what fits a `*` in their last part, are there. It has no effect as long as one is missing;
   * the branch must not be taken.
   */
  | {
      readonly kind: 'unread';
      readonly paths: readonly string[];
      readonly script: string;
      /** From 1. */
      readonly line: number;
      readonly text: string;
      readonly reason: string;
    }
  /** Left out on purpose; `why` is for people. */
  | { readonly kind: 'skipped'; readonly what: string; readonly why: string };

export type Effect = Action & { readonly when?: Guard };

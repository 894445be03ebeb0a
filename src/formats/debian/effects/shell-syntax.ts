/**
 * The syntax tree of a POSIX shell script, as far as maintainer scripts use it: XCU chapter 2, "Shell Command Language".
 */

export type WordPart =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  /** `$name`, `${name}`, `${name<operator>operand}`; the operator `length` stands for `${#name}`. */
  | {
      readonly kind: 'parameter';
      readonly name: string;
      readonly operator: string | undefined;
      readonly operand: Word;
      readonly quoted: boolean;
    }
  | { readonly kind: 'command'; readonly body: List; readonly quoted: boolean }
  | { readonly kind: 'arithmetic'; readonly quoted: boolean };

export type Word = readonly WordPart[];

export interface Redirect {
  readonly descriptor: number | undefined;
  readonly operator: '<' | '>' | '>>' | '>|' | '<>' | '<&' | '>&' | '<<';
  /** The file or descriptor; for `<<` the text of the here-document. */
  readonly target: Word;
}

export interface Assignment {
  readonly name: string;
  readonly value: Word;
}

/** Where a command begins: line from 1, position in the script, and its first line of text. */
export interface Place {
  readonly line: number;
  readonly offset: number;
  readonly text: string;
}

interface CommandBase {
  readonly place: Place;
  readonly redirects: readonly Redirect[];
}

export interface SimpleCommand extends CommandBase {
  readonly kind: 'simple';
  readonly assignments: readonly Assignment[];
  readonly words: readonly Word[];
}
export interface IfCommand extends CommandBase {
  readonly kind: 'if';
  readonly clauses: readonly { readonly condition: List; readonly body: List }[];
  readonly otherwise: List;
}
export interface ForCommand extends CommandBase {
  readonly kind: 'for';
  readonly name: string;
  /** Without `in`: the positional parameters. */
  readonly words: readonly Word[] | undefined;
  readonly body: List;
}
export interface WhileCommand extends CommandBase {
  readonly kind: 'while';
  /** The body runs as long as the condition fails. */
  readonly until: boolean;
  readonly condition: List;
  readonly body: List;
}
export interface CaseCommand extends CommandBase {
  readonly kind: 'case';
  readonly subject: Word;
  readonly items: readonly { readonly patterns: readonly Word[]; readonly body: List }[];
}
export interface FunctionCommand extends CommandBase {
  readonly kind: 'function';
  readonly name: string;
  readonly body: Command;
}
export interface GroupCommand extends CommandBase {
  readonly kind: 'group' | 'subshell';
  readonly body: List;
}

export type Command =
  | SimpleCommand
  | IfCommand
  | ForCommand
  | WhileCommand
  | CaseCommand
  | FunctionCommand
  | GroupCommand;

export interface Pipeline {
  readonly negated: boolean;
  readonly commands: readonly Command[];
}

export interface AndOr {
  readonly first: Pipeline;
  readonly rest: readonly { readonly operator: '&&' | '||'; readonly pipeline: Pipeline }[];
}

export type List = readonly AndOr[];

/** A script whose syntax is not understood, or a statement whose effect is not known. */
export class Unrecognised extends Error {
  readonly place: Place;

  constructor(place: Place, reason: string) {
    super(reason);
    this.place = place;
  }
}

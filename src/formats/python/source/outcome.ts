/** A place in a project's Python, counted from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
}

/** Thrown inside this folder where only running the code would tell; readers turn it into a value. */
export class NotReadable extends Error {
  readonly place: SourcePlace;

  constructor(reason: string, place: SourcePlace) {
    super(reason);
    this.place = place;
  }
}

/** Thrown inside this folder for what the runtime would refuse as well. */
export class WrongModel extends Error {
  readonly place: SourcePlace;
  readonly parameter: string | undefined;

  constructor(problem: string, place: SourcePlace, parameter?: string) {
    super(problem);
    this.place = place;
    this.parameter = parameter;
  }
}

/** A file, class or function that the project names and that is not there. */
export class MissingModel extends WrongModel {}

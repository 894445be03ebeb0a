/** Something that happens once, and may be waited for. */
export class Signal {
  readonly given: Promise<void>;
  #resolve: () => void = () => {};

  constructor() {
    this.given = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** The second time does nothing. */
  give(): void {
    this.#resolve();
  }
}

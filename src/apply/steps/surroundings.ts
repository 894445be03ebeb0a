/** What a step may see of the machine, chosen so that two runs differ in everything that must not matter. */
export interface Surroundings {
  /** Shown as the model of the processor. */
  readonly processor: string;
  readonly oneProcessor: boolean;
}

/** The surroundings of the run whose outcome is kept. */
export const SEALED_SURROUNDINGS: Surroundings = { processor: 'cogplan processor one', oneProcessor: true };
/** Those of the run that it is compared with. */
export const OTHER_SURROUNDINGS: Surroundings = { processor: 'cogplan processor two', oneProcessor: false };

/** Content of /proc/cpuinfo. */
export function processorText({ processor, oneProcessor }: Surroundings): string {
  const one = (index: number): string =>
    `processor\t: ${index}\nmodel name\t: ${processor}\ncpu cores\t: ${oneProcessor ? 1 : 2}\n\n`;
  return oneProcessor ? one(0) : one(0) + one(1);
}

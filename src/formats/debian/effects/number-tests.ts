/** Operators of test(1) that compare numbers (XCU test), each by what it says of the left one less the right one. */
export const NUMBER_TESTS: ReadonlyMap<string, (difference: number) => boolean> = new Map([
  ['-eq', (difference) => difference === 0],
  ['-ne', (difference) => difference !== 0],
  ['-lt', (difference) => difference < 0],
  ['-le', (difference) => difference <= 0],
  ['-gt', (difference) => difference > 0],
  ['-ge', (difference) => difference >= 0],
]);

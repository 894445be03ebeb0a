import type { Located, Requirements } from './spec.ts';

/** Two sets of requirement lines as one. An index that either names first stays first. */
export function joinRequirements(first: Requirements, second: Requirements): Requirements {
  const indexUrl = first.indexUrl ?? second.indexUrl;
  const noIndex = first.noIndex ?? second.noIndex;
  return {
    requirements: unique([...first.requirements, ...second.requirements], (line) =>
      [line.text, ...line.hashes].join(' '),
    ),
    constraints: [...first.constraints, ...second.constraints],
    ...(indexUrl === undefined ? {} : { indexUrl }),
    extraIndexUrls: located([...first.extraIndexUrls, ...second.extraIndexUrls]),
    findLinks: located([...first.findLinks, ...second.findLinks]),
    ...(noIndex === undefined ? {} : { noIndex }),
    pre: first.pre || second.pre,
    noBinary: [...first.noBinary, ...second.noBinary],
    onlyBinary: [...first.onlyBinary, ...second.onlyBinary],
    files: unique([...first.files, ...second.files], ({ path }) => path),
  };
}

function located(items: readonly Located<string>[]): readonly Located<string>[] {
  return unique(items, ({ value }) => value);
}

function unique<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  return [...new Map([...items].reverse().map((item) => [keyOf(item), item])).values()].reverse();
}

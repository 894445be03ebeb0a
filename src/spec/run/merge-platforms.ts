import type { ForPlatform, InstalledRequirement, ReadCommand, RunPart, RunReading } from './run-reading.ts';

type Merged =
  | { readonly reading: RunReading }
  /** A command that comes to what cannot be said of one platform alone, and why. */
  | { readonly reading?: undefined; readonly from: string; readonly why: string };

/** One reading out of those for amd64 and arm64: what stands in one alone is said to be for it. Requirements get a marker. */
export function mergePlatforms(amd64: RunReading, arm64: RunReading): Merged {
  for (const [one, other] of [
    [amd64, arm64],
    [arm64, amd64],
  ] as const) {
    const [weights] = without(one.weights, other.weights);
    if (weights !== undefined) return { from: weights.from, why: 'it fetches weights on one processor only' };
    const line = without(one.requirements, other.requirements).find(({ value }) => !takesMarker(value));
    if (line !== undefined) return { from: line.from, why: `${line.value} is asked for on one processor only` };
  }
  const guarded = <T extends ForPlatform>(list: (reading: RunReading) => readonly T[]): readonly T[] => [
    ...list(amd64).map((item) => (has(list(arm64), item) ? item : { ...item, platform: 'linux/amd64' as const })),
    ...without(list(arm64), list(amd64)).map((item) => ({ ...item, platform: 'linux/arm64' as const })),
  ];
  const marked = (item: InstalledRequirement, machine: string): InstalledRequirement => ({
    ...item,
    value: isSource(item.value) ? item.value : withMarker(item.value, machine),
  });
  return {
    reading: {
      commands: amd64.commands.map((command, index) => mergeParts(command, arm64.commands[index])),
      placements: guarded(({ placements }) => placements),
      steps: guarded(({ steps }) => steps),
      treeRequirements: guarded(({ treeRequirements }) => treeRequirements),
      systemPackages: guarded(({ systemPackages }) => systemPackages),
      requirements: [
        ...amd64.requirements.map((item) => (has(arm64.requirements, item) ? item : marked(item, 'x86_64'))),
        ...without(arm64.requirements, amd64.requirements).map((item) => marked(item, 'aarch64')),
      ],
      weights: amd64.weights,
      warnings: [...amd64.warnings, ...without(arm64.warnings, amd64.warnings)],
    },
  };
}

function mergeParts(command: ReadCommand, other: ReadCommand | undefined): ReadCommand {
  const others = other?.parts ?? [];
  const parts = command.parts.flatMap((part, index): readonly RunPart[] => {
    const same = others[index];
    if (same !== undefined && JSON.stringify(part) === JSON.stringify(same)) return [part];
    return [
      { ...part, platform: 'linux/amd64' },
      ...(same === undefined ? [] : [{ ...same, platform: 'linux/arm64' as const }]),
    ];
  });
  const more = others.slice(command.parts.length).map((part) => ({ ...part, platform: 'linux/arm64' as const }));
  return { ...command, parts: [...parts, ...more] };
}

const SOURCES = /^--(?:extra-index-url|find-links)\s/;

/** Where packages are looked for holds for the whole project in any case. */
function isSource(line: string): boolean {
  return SOURCES.test(line);
}

function takesMarker(line: string): boolean {
  return isSource(line) || (!line.startsWith('-') && !/\s--/.test(line));
}

function withMarker(line: string, machine: string): string {
  const marker = `platform_machine == "${machine}"`;
  const own = /^(.*?)\s*;\s*(.*)$/s.exec(line);
  return own === null ? `${line} ; ${marker}` : `${own[1]} ; (${own[2]}) and ${marker}`;
}

function without<T>(list: readonly T[], other: readonly T[]): readonly T[] {
  return list.filter((item) => !has(other, item));
}

function has<T>(list: readonly T[], item: T): boolean {
  const text = JSON.stringify(item);
  return list.some((other) => JSON.stringify(other) === text);
}

import type { ForPlatform, RunPlatform } from './run/run-reading.ts';
import type { Spec } from './spec.ts';

/** The spec as it is for images of one platform: without what commands of `build.run` do on others only. */
export function specOn(spec: Spec, platform: RunPlatform): Spec {
  const { runReading, systemPackages } = spec;
  const isHere = (item: ForPlatform): boolean => item.platform === undefined || item.platform === platform;
  return {
    ...spec,
    systemPackages: systemPackages.filter(isHere),
    runReading: {
      ...runReading,
      placements: runReading.placements.filter(isHere),
      steps: runReading.steps.filter(isHere),
      treeRequirements: runReading.treeRequirements.filter(isHere),
      systemPackages: runReading.systemPackages.filter(isHere),
    },
  };
}

/** A system package as `asked` names it. */
export function packageText({ value, platform }: Spec['systemPackages'][number]): string {
  return platform === undefined ? value : `${value} [${platform}]`;
}

import type { Step } from '../../lock/schema.generated.ts';
import { formatOf } from '../../spec/run/commands/archives.ts';
import type { Placement } from '../../spec/run/run-reading.ts';
import type { Spec } from '../../spec/spec.ts';
import { stepRule } from './step-rules.ts';

/** What `files` of cogplan.yaml names, then what the commands put into the image. */
export function orderedPlacements(spec: Spec): readonly Placement[] {
  const rules = spec.settings.values.files ?? [];
  const own = rules.map(({ url, mirrors, path, sha256, mode, unpack }, index): Placement => {
    const format = unpack === true ? (formatOf(url) ?? 'tar.gz') : undefined;
    return {
      order: index,
      from: `files[${index}]`,
      where: spec.settings.where(['files', index]),
      path: path.length > 1 ? path.replace(/\/+$/, '') : path,
      kind: format === undefined ? 'file' : 'directory',
      url,
      ...(mirrors === undefined || mirrors.length === 0 ? {} : { mirrors }),
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
      ...(format === undefined ? {} : { unpack: { format, strip: 0 } }),
    };
  });
  const run = spec.runReading.placements.map((item) => ({ ...item, order: item.order + own.length }));
  return [...own, ...run];
}

/** The commands that are run, with the rules that cogplan.yaml has for them. */
export function orderedSteps(spec: Spec): readonly Step[] {
  const shift = spec.settings.values.files?.length ?? 0;
  return spec.runReading.steps.map(({ command, why, from, order, secrets }): Step => {
    const { network, accept } = stepRule(spec, from);
    return {
      command,
      why,
      from,
      order: order + shift,
      cwd: '/',
      ...(secrets.length === 0 ? {} : { secrets: secrets.map(({ id, target }) => ({ id, target })) }),
      network,
      ...(accept ? { accepted: true as const } : {}),
    };
  });
}

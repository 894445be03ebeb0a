import { canonicalJson, type Json } from '../../canonical.ts';
import type { Digest } from '../../digest.ts';

/** The one time that an image names, the same second as `ENTRY_TIME` of the layers' entries. */
const CREATED = '1980-01-01T00:00:01Z';

export interface ImageConfigInput {
  readonly architecture: string;
  readonly os: string;
  /** `NAME=value`; the order is kept. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workdir: string;
  /** Empty: the image's default, root. */
  readonly user: string;
  /** Such as `5000/tcp`. */
  readonly ports: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Bottom first; `name` enters the history. */
  readonly layers: readonly { readonly name: string; readonly diffId: Digest }[];
}

/**
 * The image configuration as canonical JSON. Its sha256 is the image ID. Nothing of the machine, the user or the time of building
 * enters it. https://github.com/opencontainers/image-spec/blob/main/config.md
 */
export function encodeConfig(input: ImageConfigInput): Buffer {
  const config: Json = {
    architecture: input.architecture,
    os: input.os,
    created: CREATED,
    config: {
      Env: nonEmptyList(input.env),
      Entrypoint: nonEmptyList(input.entrypoint),
      Cmd: nonEmptyList(input.cmd),
      WorkingDir: nonEmptyText(input.workdir),
      User: nonEmptyText(input.user),
      ExposedPorts: input.ports.length === 0 ? undefined : Object.fromEntries(input.ports.map((port) => [port, {}])),
      Labels: Object.keys(input.labels).length === 0 ? undefined : input.labels,
    },
    rootfs: { type: 'layers', diff_ids: input.layers.map((layer) => layer.diffId) },
    history: input.layers.map((layer) => ({ created: CREATED, created_by: `cogplan ${layer.name}` })),
  };
  return Buffer.from(canonicalJson(config), 'utf8');
}

function nonEmptyList(list: readonly string[]): readonly string[] | undefined {
  return list.length === 0 ? undefined : list;
}

function nonEmptyText(text: string): string | undefined {
  return text === '' ? undefined : text;
}

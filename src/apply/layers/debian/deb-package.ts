import { readTarIndex, type TarMember } from '../../../formats/archive/tar-reader.ts';
import { type DebControl, readDebControl } from '../../../formats/debian/deb-archive.ts';
import type { DebInput } from '../../recipe.ts';
import type { BuildEnvironment } from '../builder.ts';

/** A .deb whose files can be listed; the control part is read on demand. */
export interface DebPackage {
  readonly input: DebInput;
  /** `libgl1 1.6.0-1`, for messages. */
  readonly origin: string;
  /** The uncompressed data.tar. */
  readonly dataFile: string;
  readonly members: readonly TarMember[];
  readControl(): Promise<DebControl>;
}

export async function openDebPackage(environment: BuildEnvironment, input: DebInput): Promise<DebPackage> {
  const origin = `${input.name} ${input.version}`;
  const dataFile = await environment.debData(input.sha256);
  let control: Promise<DebControl> | undefined;
  return {
    input,
    origin,
    dataFile,
    members: readTarIndex(dataFile, origin),
    readControl: () => {
      control ??= environment.blob(input.sha256).then((path) => readDebControl(path, origin));
      return control;
    },
  };
}

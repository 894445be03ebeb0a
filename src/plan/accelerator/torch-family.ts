import type { Root } from '../python/roots.ts';
import { exactVersion } from './choose-build.ts';
import { type AcceleratorTable, minorOf, publicVersion, type TorchRow } from './table.ts';

export interface TorchConflict {
  readonly torch: Root;
  readonly other: Root;
  /** What the other would have to be: `torchvision==0.15.2`. */
  readonly fits: string;
  /** The torch that goes with the other, when the table knows it. */
  readonly fittingTorch: string | undefined;
  readonly text: string;
}

/** Pins of torchvision and torchaudio that were built for another torch than the pinned one. No request is made. */
export function torchConflicts(roots: readonly Root[], table: AcceleratorTable): readonly TorchConflict[] {
  const torch = roots.find(({ name }) => name === 'torch');
  const version = torch === undefined ? undefined : exactVersion(torch);
  const row = version === undefined ? undefined : table.torch.find((item) => item.version === publicVersion(version));
  if (torch === undefined || row === undefined) return [];
  return (['torchvision', 'torchaudio'] as const).flatMap((name) => {
    const other = roots.find((root) => root.name === name);
    const pinned = other === undefined ? undefined : exactVersion(other);
    const wanted = row[name];
    if (other === undefined || pinned === undefined || wanted === null) return [];
    if (publicVersion(pinned) === publicVersion(wanted)) return [];
    const known = table.torch.find((item: TorchRow) => item[name] === publicVersion(pinned))?.version;
    // Of a version that no row knows its minor version tells: it may well fit where that is the same.
    const minor = minorOf(publicVersion(pinned));
    const like = table.torch.find((item: TorchRow) => item[name] != null && minorOf(item[name]) === minor)?.version;
    const home = known ?? (like === undefined ? undefined : minorOf(like));
    if (home === undefined || home === row.version || home === minorOf(row.version)) return [];
    const text = `${other.asked} is built for torch ${home}, but ${torch.asked} asks for torch ${row.version}, whose ${name} is ${wanted}`;
    return [
      {
        torch,
        other,
        fits: `${name}==${wanted}`,
        fittingTorch: known === undefined ? undefined : `torch==${known}`,
        text,
      },
    ];
  });
}

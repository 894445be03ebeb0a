import type { Picked, PickedFile } from './ask-pip.ts';

/** Where two answers part, in a line; undefined when they pick the same files, or both pick none. */
export function differenceOf(ours: Picked, theirs: Picked): string | undefined {
  if ('failure' in ours || 'failure' in theirs) {
    if ('failure' in ours && 'failure' in theirs) return undefined;
    return 'failure' in ours ? 'cogplan gives no answer' : 'pip gives no answer';
  }
  const names = [...new Set([...ours.files, ...theirs.files].map(({ name }) => name))].sort();
  const parts = names.flatMap((name) => {
    const [mine, other] = [fileOf(ours.files, name), fileOf(theirs.files, name)];
    if (mine?.filename === other?.filename && isSameHash(mine, other)) return [];
    if (mine?.version === other?.version) return [`${name} ${mine?.version}: ${tagsOf(mine)}, pip ${tagsOf(other)}`];
    return [`${name} ${mine?.version ?? 'left out'}, pip ${other?.version ?? 'leaves it out'}`];
  });
  return parts.length === 0 ? undefined : parts.join('; ');
}

function fileOf(files: readonly PickedFile[], name: string): PickedFile | undefined {
  return files.find((file) => file.name === name);
}

/** An index may tell no hash. */
function isSameHash(a: PickedFile | undefined, b: PickedFile | undefined): boolean {
  return a?.sha256 === undefined || b?.sha256 === undefined || a.sha256 === b.sha256;
}

function tagsOf(file: PickedFile | undefined): string | undefined {
  return file?.filename
    .split('-')
    .slice(2)
    .join('-')
    .replace(/\.whl$/, '');
}

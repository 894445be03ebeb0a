import { canonicalJson, compareBytes, isSameJson, type Json } from '../../canonical.ts';
import { isSha256 } from '../../digest.ts';
import type { DiffFacts } from './facts.ts';
import type { Detail, Family, Kind, Side } from './schema.generated.ts';

type Entry = { readonly [key: string]: Json | undefined };

/** One side of a change, in the words that people compare: a version, or the value in one line. */
export function sideOf(family: Family, value: Json, facts: DiffFacts): Side {
  if (!isRecord(value)) return { value: oneLine(value) };
  const file = isRecord(value.file) ? value.file : isRecord(value.packages) ? value.packages : value;
  const { sha256, size, url } = file;
  const release = typeof sha256 === 'string' && isSha256(sha256) ? facts.releases?.get(sha256) : undefined;
  const requires = Array.isArray(value.requires) ? value.requires : value.depends;
  return {
    value: valueText(family, value),
    ...(typeof sha256 === 'string' && isSha256(sha256) ? { sha256 } : {}),
    ...(typeof size === 'number' ? { size } : {}),
    ...(typeof url === 'string' ? { url } : {}),
    ...(typeof value.index === 'string' ? { index: value.index } : {}),
    ...(file.computed === true ? { computed: true } : {}),
    ...(Array.isArray(requires) ? { requires: requires.map((item: Json) => String(item)) } : {}),
    ...(release?.released === undefined ? {} : { released: release.released }),
    ...(release?.licence === undefined ? {} : { licence: release.licence }),
  };
}

/** Every member that differs, members of members by dotted names. Lists are compared whole. */
export function detailsOf(before: Json | undefined, after: Json | undefined, field = ''): readonly Detail[] {
  if (isSameJson(before, after)) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(compareBytes);
    return keys.flatMap((key) => detailsOf(before[key], after[key], field === '' ? key : `${field}.${key}`));
  }
  return [
    {
      field: field === '' ? 'value' : field,
      ...(before === undefined ? {} : { from: before }),
      ...(after === undefined ? {} : { to: after }),
    },
  ];
}

/** What kind of change a difference is, from the loudest member that differs. */
export function kindOf(
  family: Family,
  sides: { readonly from: Side; readonly to: Side },
  details: readonly Detail[],
): Kind {
  const fields = new Set(details.map(({ field }) => field));
  if (sides.from.value !== sides.to.value) {
    // A seal's value is the digest of its bytes: for one recipe there is only one right answer.
    return family === 'seals' && !fields.has('recipe') ? 'other-bytes' : 'changed';
  }
  if (sides.from.sha256 !== sides.to.sha256) return 'other-bytes';
  if (details.some(({ field, to }) => field.endsWith('.computed') && to === true)) return 'hash-computed';
  if (['file.url', 'file.mirrors', 'index', 'url', 'packages.url'].some((field) => fields.has(field))) return 'moved';
  return fields.has('value') ? 'changed' : 'detail';
}

function valueText(family: Family, value: Entry): string {
  const text = (key: string): string | undefined => (typeof value[key] === 'string' ? String(value[key]) : undefined);
  switch (family) {
    case 'base':
      return text('kind') === 'image'
        ? `${text('image')} (${text('tagged')?.slice(0, 19)}${text('created') === undefined ? '' : `, ${text('created')?.slice(0, 10)}`})`
        : [text('kind'), text('suite')].filter(Boolean).join(' ');
    case 'accelerator':
      return [text('cuda') && `CUDA ${text('cuda')}`, text('cudnn') && `cuDNN ${text('cudnn')}`, text('provider')]
        .filter(Boolean)
        .join(', ');
    case 'seals':
      return text('diffId') ?? '';
    case 'holds':
      return text('reason') ?? '';
    case 'files':
      return placedText(value);
    case 'steps':
      return `${text('from') ?? ''}, network ${text('network') ?? ''}`;
    default:
      return text('version') ?? text('date') ?? text('sha256') ?? oneLine(value as Json);
  }
}

/** What makes up something placed: a commit, the bytes of a file, what a link leads to. */
function placedText({ kind, git, file, target, text }: Entry): string {
  if (isRecord(git)) return `commit ${String(git.commit)}`;
  if (isRecord(file)) return `sha256:${String(file.sha256)}`;
  if (typeof target === 'string') return `link to ${target}`;
  return typeof text === 'string' ? JSON.stringify(text) : String(kind);
}

function oneLine(value: Json): string {
  return typeof value === 'string' ? value : canonicalJson(value);
}

function isRecord(value: Json | undefined): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

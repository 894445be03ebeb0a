import { buildId } from '../build-id.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import { type Sha256, sha256 } from '../digest.ts';
import type { CogplanError } from '../errors.ts';
import { adoptFetches, surroundingsOf } from '../spec/adopt-fetches.ts';
import type { ProjectPython } from '../spec/project-python.ts';
import type { Notice, Spec } from '../spec/spec.ts';
import type { Store } from '../store/store.ts';

/** What there is to say of a project's code: plain data, as it is kept. */
export interface CodeNotice {
  readonly level: Notice['level'];
  readonly code: string;
  readonly text: string;
  readonly file?: string;
  readonly line?: number;
  /** Code of the error that building this project would end in. */
  readonly error?: string;
}

interface Reading {
  /** Each file that was asked for, with the hash of its text; null: there was none. */
  readonly read: readonly (readonly [path: string, text: Sha256 | null])[];
  readonly notices: readonly CodeNotice[];
}

const KIND = 'code-notices';

/**
 * A model that no server would take, and what it fetches when it runs, told from its text. Reading is kept in the store: as long as no file
 * that was read has changed, it is not done again.
 */
export async function codeNotices(
  store: Pick<Store, 'getDerived' | 'putDerived'>,
  spec: Spec,
  python: ProjectPython,
  build: string = buildId(),
): Promise<readonly CodeNotice[]> {
  // From source there is no build whose readings could be told from those of the next edit.
  if (build === 'source') return readNotices(spec, python);
  const key = readingKey(spec, python, build);
  const known = await store.getDerived<Json & Reading>(KIND, key);
  if (known?.read.every(([path, text]) => hashOf(python.read(path)) === text)) return known.notices;
  const read = new Map<string, Sha256 | null>();
  const notices = await readNotices(spec, {
    paths: python.paths,
    read: (path) => {
      const text = python.read(path);
      read.set(path, hashOf(text));
      return text;
    },
  });
  const reading: Reading = { read: [...read], notices };
  await store.putDerived(KIND, key, reading as unknown as Json);
  return notices;
}

function readingKey(spec: Spec, python: ProjectPython, build: string): Sha256 {
  const { environment, taken } = surroundingsOf(spec);
  const { predict, train, concurrency } = spec;
  const asked = {
    build,
    targets: { predict, train, concurrency },
    environment: [...environment],
    taken: [...taken],
    paths: python.paths,
  };
  return sha256(canonicalJson(asked as unknown as Json));
}

function hashOf(text: string | undefined): Sha256 | null {
  return text === undefined ? null : sha256(text);
}

async function readNotices(spec: Spec, python: ProjectPython): Promise<readonly CodeNotice[]> {
  const [{ modelProblems }, { fetchNotices, unpinnedFetches }] = await Promise.all([
    import('../spec/read-project-model.ts'),
    import('../spec/unpinned-fetches.ts'),
  ]);
  const fetches = unpinnedFetches(spec, python);
  const pinned = adoptFetches(fetches, surroundingsOf(spec)).flatMap((item) =>
    item.kind === 'known' ? item.fetches : [],
  );
  return [
    ...modelProblems(spec, python).map(problemNotice),
    ...fetchNotices(fetches.filter((fetch) => !pinned.includes(fetch))).map(({ where, ...notice }) => ({
      ...notice,
      ...placeOf(where),
    })),
  ];
}

function problemNotice({ message, where, code }: CogplanError): CodeNotice {
  return { level: 'warn', code: 'lock.model', text: message, error: code, ...placeOf(where) };
}

function placeOf(where: Notice['where'] | undefined): Pick<CodeNotice, 'file' | 'line'> {
  if (where === undefined) return {};
  return { file: where.file, ...(where.line === undefined ? {} : { line: where.line }) };
}

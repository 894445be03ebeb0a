import type { Json } from '../canonical.ts';
import { type Sha256, sha256 } from '../digest.ts';
import type { CogplanError } from '../errors.ts';
import { adoptFetches, surroundingsOf } from '../spec/adopt-fetches.ts';
import type { ProjectPython } from '../spec/project-python.ts';
import type { Notice, Spec } from '../spec/spec.ts';
import { remember } from '../store/remember.ts';
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
  build?: string,
): Promise<readonly CodeNotice[]> {
  const { notices } = await remember<Reading>(
    store,
    {
      kind: KIND,
      inputs: readingInputs(spec, python),
      holds: ({ read }) => read.every(([path, text]) => hashOf(python.read(path)) === text),
      build,
    },
    () => readCode(spec, python),
  );
  return notices;
}

async function readCode(spec: Spec, python: ProjectPython): Promise<Reading> {
  const read = new Map<string, Sha256 | null>();
  const notices = await readNotices(spec, {
    paths: python.paths,
    read: (path) => {
      const text = python.read(path);
      read.set(path, hashOf(text));
      return text;
    },
  });
  return { read: [...read], notices };
}

function readingInputs(spec: Spec, python: ProjectPython): Json {
  const { environment, taken } = surroundingsOf(spec);
  const { predict, train, concurrency } = spec;
  const inputs = {
    targets: { predict, train, concurrency },
    environment: [...environment],
    taken: [...taken],
    paths: python.paths,
  };
  return inputs as unknown as Json;
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

import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CogplanError } from '../../src/errors.ts';
import { readSpec } from '../../src/spec/read-spec.ts';

/** Real public projects, reduced to their configuration and requirements; not part of this repository. */
export const CORPUS = new URL('../../../shared/corpus/', import.meta.url);

/** What reading a project gave: every code of a refusal, or the kinds of notices. */
export interface Outcome {
  readonly outcome: 'read' | 'refused';
  /** Codes of the errors, or of the notices of a project that was read, sorted, each once. */
  readonly codes: readonly string[];
}

/** Numbers of the projects, or undefined where the corpus is not. */
export async function corpusNumbers(): Promise<readonly string[] | undefined> {
  const names = await readdir(CORPUS).catch(() => undefined);
  return names?.filter((name) => /^[0-9]{3}$/.test(name)).sort();
}

/** Copies a project and adds empty files for the Python code it names, which the corpus leaves out. */
export async function copyProject(number: string, directory: string): Promise<void> {
  await cp(new URL(`${number}/`, CORPUS), directory, { recursive: true });
  const text = await readFile(join(directory, 'cog.yaml'), 'utf8');
  for (const [, file = ''] of text.matchAll(/^(?:run|predict|train|model):\s*["']?([\w./ -]+\.py):/gm)) {
    const path = join(directory, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '', { flag: 'a' });
  }
}

export async function classify(directory: string): Promise<Outcome> {
  try {
    const { notices } = await readSpec(directory);
    return { outcome: 'read', codes: unique(notices.map((notice) => notice.code)) };
  } catch (error) {
    if (!(error instanceof CogplanError)) throw error;
    const others = (error.data?.others ?? []) as readonly { readonly code: string }[];
    return { outcome: 'refused', codes: unique([error.code, ...others.map(({ code }) => code)]) };
  }
}

function unique(codes: readonly string[]): readonly string[] {
  return [...new Set(codes)].sort();
}

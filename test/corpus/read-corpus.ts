import { CogplanError } from '../../src/errors.ts';
import { readSpec } from '../../src/spec/read-spec.ts';

/** What reading a project gave. */
export interface Outcome {
  readonly outcome: 'read' | 'refused';
  /** Codes of the errors, or of the notices of a project that was read, sorted, each once. */
  readonly codes: readonly string[];
}

export async function classify(directory: string): Promise<Outcome> {
  try {
    const { notices } = await readSpec(directory);
    // What became of each command of build.run is recorded by itself, in run-classes.json.
    const codes = notices.map((notice) => notice.code).filter((code) => !code.startsWith('COGPLAN_RUN_'));
    return { outcome: 'read', codes: unique(codes) };
  } catch (error) {
    if (!(error instanceof CogplanError)) throw error;
    const others = (error.data?.others ?? []) as readonly { readonly code: string }[];
    return { outcome: 'refused', codes: unique([error.code, ...others.map(({ code }) => code)]) };
  }
}

function unique(codes: readonly string[]): readonly string[] {
  return [...new Set(codes)].sort();
}

import { NO_SETTINGS } from '../../src/spec/settings.ts';
import type { Located, Requirements, Spec } from '../../src/spec/spec.ts';

/** A spec of a small project; a test changes what it is about. */
export function aSpec(change: Partial<Spec> = {}): Spec {
  return {
    directory: '/project',
    file: 'cog.yaml',
    settings: NO_SETTINGS,
    gpu: false,
    pythonVersion: located('3.11', 2, 'build.python_version'),
    systemPackages: [],
    requirements: requirements(),
    run: [],
    environment: [],
    weights: [],
    notices: [],
    config: {},
    ...change,
  };
}

export function located<T>(value: T, line = 1, key = 'build'): Located<T> {
  return { value, where: { file: 'cog.yaml', line, column: 1, key } };
}

export function requirements(...lines: string[]): Requirements {
  return {
    requirements: lines.map((text, index) => ({
      text,
      where: { file: 'requirements.txt', line: index + 1 },
      hashes: [],
    })),
    constraints: [],
    extraIndexUrls: [],
    findLinks: [],
    pre: false,
    noBinary: [],
    onlyBinary: [],
    files: [],
  };
}

import { type Module, walkStatements } from './module.ts';
import { openProjectCode, type ProjectFiles } from './project-code.ts';

/** The files of a project that the named files import, directly or not, and these themselves; sorted as found. */
export function reachableFiles(files: ProjectFiles, roots: readonly string[]): readonly string[] {
  const code = openProjectCode(files);
  const found = new Set<string>();
  const queue: Module[] = [];
  const add = (module: Module | undefined): boolean => {
    if (module === undefined) return false;
    if (!found.has(module.path)) {
      found.add(module.path);
      queue.push(module);
    }
    return true;
  };
  const addDotted = (name: string): void => {
    const parts = name.split('.');
    for (let length = 1; length <= parts.length; length++) add(code.module(parts.slice(0, length).join('.')));
  };
  for (const root of roots) add(code.file(root));
  for (let module = queue.shift(); module !== undefined; module = queue.shift()) {
    const current = module;
    walkStatements(current.body, (statement) => {
      if (statement.kind === 'import') for (const { module: name } of statement.modules) addDotted(name);
      if (statement.kind !== 'from') return;
      const name = code.absolute(current, statement.level, statement.module);
      if (name === undefined) return;
      addDotted(name);
      for (const one of statement.names) add(code.module(`${name}.${one.name}`));
    });
  }
  return [...found];
}

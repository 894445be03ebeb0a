import { type Module, readModule } from './module.ts';

/** The Python files of a project. */
export interface ProjectFiles {
  /** The text of a file by its path relative to the project, with `/`; undefined if there is none. */
  read(path: string): string | undefined;
}

/** The modules of a project, parsed when first asked for. */
export interface ProjectCode {
  /** The model's own file, which is imported by path. */
  file(path: string): Module | undefined;
  /** A module by its dotted name, as an import finds it in the project; undefined if it comes from elsewhere. */
  module(name: string): Module | undefined;
  /** What a relative import means in a module. Undefined where there is no package to start from. */
  absolute(from: Module, level: number, name: string): string | undefined;
}

/** More modules than this are taken for code from elsewhere. */
const MAX_MODULES = 500;
const NAME = /^[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u;
/** Names that are never the project's, though a file of that name may lie in it. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'cog',
  'typing',
  'typing_extensions',
  'enum',
  'dataclasses',
  'pydantic',
]);

export function openProjectCode(files: ProjectFiles): ProjectCode {
  const byPath = new Map<string, Module | undefined>();

  const load = (path: string, packageName: string | undefined): Module | undefined => {
    const key = `${packageName ?? ''}:${path}`;
    if (byPath.has(key)) return byPath.get(key);
    const text = byPath.size >= MAX_MODULES ? undefined : files.read(path);
    const module = text === undefined ? undefined : readModule(path, text, packageName);
    byPath.set(key, module);
    return module;
  };

  return {
    file: (path) => load(path, undefined),
    module: (name) => {
      if (!NAME.test(name) || ELSEWHERE.has(name.split('.')[0] ?? '')) return undefined;
      const path = name.replaceAll('.', '/');
      const parent = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '';
      return load(`${path}/__init__.py`, name) ?? load(`${path}.py`, parent);
    },
    absolute: (from, level, name) => {
      if (level === 0) return name;
      if (from.package === undefined || from.package === '') return undefined;
      const parts = from.package.split('.');
      if (level > parts.length) return undefined;
      return [...parts.slice(0, parts.length - level + 1), ...(name === '' ? [] : [name])].join('.');
    },
  };
}

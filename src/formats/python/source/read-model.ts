import { evaluate } from './evaluate.ts';
import type { Module } from './module.ts';
import { type ModelMode, openapiDocument } from './openapi.ts';
import { MissingModel, NotReadable, type SourcePlace, WrongModel } from './outcome.ts';
import { openProjectCode, type ProjectCode, type ProjectFiles } from './project-code.ts';
import type { PyJson } from './py-json.ts';
import { deeper, type Meant, memberOf, resolve, type Where } from './resolve-name.ts';
import { readSignature } from './signature.ts';
import type { ClassNode, Expression, FunctionNode } from './syntax.ts';

/** What reading a model without running it gave. */
export type ModelReading =
  | { readonly kind: 'read'; readonly openapi: PyJson; readonly method: string; readonly isAsync: boolean }
  /** Only running it would tell; `reason` names what and why. */
  | { readonly kind: 'not-readable'; readonly reason: string; readonly place: SourcePlace }
  /** The runtime would refuse it as well. */
  | {
      readonly kind: 'wrong';
      /** The named file, class or function is not there at all. */
      readonly missing: boolean;
      readonly problem: string;
      readonly place: SourcePlace;
      readonly subject: string;
      readonly parameter: string | undefined;
    };

export interface ModelTarget {
  /** Relative to the project. */
  readonly file: string;
  /** Class or function. */
  readonly name: string;
  readonly mode: ModelMode;
  /** `concurrency.max`, where it is asked. */
  readonly concurrency?: number | undefined;
}

/**
 * The OpenAPI document that the runtime would give for a model, or what is wrong with it, from its text alone. Nothing is executed, and
 * hostile text ends as not readable. `docs/static-reading.md` says what is understood.
 */
export function readModel(files: ProjectFiles, target: ModelTarget): ModelReading {
  const code = openProjectCode(files);
  let subject = target.name;
  try {
    const module = code.file(target.file);
    if (module === undefined) {
      throw new MissingModel(`there is no file ${target.file}`, { file: target.file, line: 1 });
    }
    if (module.broken !== undefined) {
      throw new NotReadable('the file has a line that this version of cogplan cannot parse', module.broken);
    }
    const found = findMethod(code, module, target);
    subject = found.subject;
    return read(found, target);
  } catch (error) {
    if (error instanceof NotReadable) return { kind: 'not-readable', reason: error.message, place: error.place };
    if (error instanceof WrongModel) {
      const { message: problem, place, parameter } = error;
      return { kind: 'wrong', missing: error instanceof MissingModel, problem, place, subject, parameter };
    }
    if (error instanceof RangeError) {
      return { kind: 'not-readable', reason: 'it is nested too deeply', place: { file: target.file, line: 1 } };
    }
    throw error;
  }
}

interface Method {
  readonly node: FunctionNode;
  readonly where: Where;
  readonly bound: boolean;
  readonly subject: string;
}

function read({ node, where, bound, subject }: Method, { mode, concurrency }: ModelTarget): ModelReading {
  const marks = decoratorsOf(node, deeper(where, { before: node.at }));
  const signature = readSignature(node, where, { bound, batched: marks.batched });
  const place = where.module.place(node.at);
  const wanted = concurrency ?? marks.concurrent;
  if (mode === 'predict' && wanted > 1 && !node.isAsync && !marks.batched) {
    throw new WrongModel(`${wanted} predictions at once need an async method; ${node.name}() is not async`, place);
  }
  const openapi = openapiDocument(signature, mode, marks.streaming);
  return { kind: 'read', openapi, method: subject, isAsync: node.isAsync };
}

/** The function or method that predictions or trainings call, found as `cog._worker.loader` finds it. */
function findMethod(code: ProjectCode, module: Module, target: ModelTarget): Method {
  const where: Where = { code, module, depth: 0 };
  const meant = follow(resolve({ kind: 'name', at: 0, name: target.name }, where), where);
  if (meant?.kind === 'missing' || (meant?.kind === 'external' && meant.path.startsWith('builtins.'))) {
    throw missingName(module, target);
  }
  if (meant?.kind === 'function') {
    return { node: meant.node, where: { ...where, module: meant.module }, bound: false, subject: meant.node.name };
  }
  if (meant?.kind !== 'class') {
    throw new NotReadable(`${target.name} is only known when it runs`, module.place(0));
  }
  return findInClass(meant, { ...where, module: meant.module }, target);
}

function follow(meant: Meant | undefined, where: Where): Meant | undefined {
  if (meant?.kind !== 'value') return meant;
  return follow(resolve(meant.value, deeper(meant.where)), deeper(where));
}

function missingName(module: Module, { name, file }: ModelTarget): MissingModel {
  const names = [...module.bindings].flatMap(([known, bindings]) => {
    const last = bindings.at(-1)?.meaning;
    return last?.kind === 'class' || last?.kind === 'function' ? [known] : [];
  });
  const defined = names.length === 0 ? 'it defines no class and no function' : `it defines ${names.join(', ')}`;
  return new MissingModel(`${file} has no class or function ${name}; ${defined}`, { file, line: 1 });
}

function findInClass(
  model: { readonly module: Module; readonly node: ClassNode },
  where: Where,
  { mode }: ModelTarget,
): Method {
  const { node } = model;
  const inside = deeper(where, { before: node.at });
  for (const decorator of node.decorators) {
    const meant = resolve(decorator.kind === 'call' ? decorator.callee : decorator, inside);
    if (meant?.kind !== 'external' || meant.path !== 'dataclasses.dataclass') {
      throw new NotReadable(`a decorator of ${node.name} may change it`, where.module.place(decorator.at));
    }
  }
  const names = mode === 'train' ? ['train'] : ['run', 'predict'];
  const found = names.flatMap((name) => memberFunction(model, name, where) ?? []);
  const [first, second] = found;
  if (second !== undefined) {
    throw new WrongModel(
      `${node.name} defines both run() and predict(); keep one`,
      second.where.module.place(second.node.at),
    );
  }
  if (first === undefined) {
    if (!isOurs(node, inside) && memberFunction(model, '__call__', where) !== undefined) {
      throw new NotReadable(`${node.name} is called itself`, where.module.place(node.at));
    }
    throw new WrongModel(
      `${node.name} must define ${names.map((name) => `${name}()`).join(' or ')}`,
      where.module.place(node.at),
    );
  }
  return {
    ...first,
    subject: `${node.name}.${first.node.name}`,
  };
}

/** A method of a class or of its bases in the project; throws NotReadable where it may come from elsewhere. */
function memberFunction(
  { module, node }: { readonly module: Module; readonly node: ClassNode },
  name: string,
  where: Where,
): Omit<Method, 'subject'> | undefined {
  const inside = deeper(where, { module, within: undefined, before: undefined });
  const meant = memberOf({ kind: 'class', module, node }, name, inside, node.at);
  if (meant?.kind === 'function') {
    const isStatic = meant.node.decorators.some((one) => one.kind === 'name' && one.name === 'staticmethod');
    return { node: meant.node, where: { ...inside, within: node }, bound: !isStatic };
  }
  if (meant !== undefined)
    throw new NotReadable(`${node.name}.${name} is only known when it runs`, module.place(node.at));
  for (const base of node.bases) {
    if (base.how === 'keyword' && base.name !== 'metaclass') continue;
    const expression = base.value.kind === 'subscript' ? base.value.value : base.value;
    const parent = follow(resolve(expression, { ...inside, before: node.at }), inside);
    if (parent?.kind === 'class') {
      const inherited = memberFunction(parent, name, deeper(inside));
      if (inherited !== undefined) return inherited;
    } else if (parent?.kind !== 'external' || !EMPTY_BASES.has(parent.path)) {
      throw new NotReadable(`${node.name} descends from what is not part of the project`, module.place(base.value.at));
    }
  }
  return undefined;
}

const EMPTY_BASES: ReadonlySet<string> = new Set([
  'cog.BasePredictor',
  'cog.BaseRunner',
  'builtins.object',
  'abc.ABC',
  'abc.ABCMeta',
  'typing.Generic',
  'typing.Protocol',
]);

/** Whether a class is one of Cog's, which the runtime never calls itself. */
function isOurs(node: ClassNode, where: Where): boolean {
  return node.bases.some((base) => {
    const meant = resolve(base.value, where);
    return meant?.kind === 'external' && (meant.path === 'cog.BasePredictor' || meant.path === 'cog.BaseRunner');
  });
}

/** Decorators that leave a signature as it is, beside Cog's own. */
const HARMLESS: ReadonlySet<string> = new Set([
  'torch.inference_mode',
  'torch.no_grad',
  'torch.enable_grad',
  'torch.set_grad_enabled',
  'torch.autocast',
  'torch.cuda.amp.autocast',
  'torch.amp.autocast',
  'torch.autograd.no_grad',
  'torch.autograd.inference_mode',
  'builtins.staticmethod',
  'builtins.classmethod',
  'abc.abstractmethod',
  'typing.override',
  'typing.no_type_check',
]);

interface Marks {
  readonly streaming: boolean;
  readonly concurrent: number;
  readonly batched: boolean;
}

function decoratorsOf(node: FunctionNode, where: Where): Marks {
  let streaming = false;
  let concurrent = 1;
  let batched = false;
  for (const decorator of node.decorators) {
    const meant = resolve(decorator.kind === 'call' ? decorator.callee : decorator, where);
    const path = meant?.kind === 'external' ? meant.path : '';
    if (path === 'cog.streaming') streaming = true;
    else if (path === 'cog.concurrent') concurrent = maxOf(decorator, where);
    else if (path === 'cog.batched') batched = true;
    else if (!HARMLESS.has(path)) {
      throw new NotReadable(`a decorator of ${node.name}() may change its signature`, where.module.place(decorator.at));
    }
  }
  return { streaming, concurrent, batched };
}

function maxOf(decorator: Expression, where: Where): number {
  const given = decorator.kind === 'call' ? decorator.args.find((argument) => argument.name === 'max') : undefined;
  if (given === undefined) return 1;
  const value = evaluate(given.value, where);
  return value.kind === 'int' ? Number(value.value) : 1;
}

import { evaluate } from './evaluate.ts';
import {
  BUCKET_METHODS,
  FETCH_CALLS,
  FETCH_METHODS,
  FETCH_PROGRAMS,
  type FetchCall,
  type FetchKind,
  PROGRAM_CALLS,
  TORCHVISION_MODEL,
} from './fetch-calls.ts';
import { bindLoop, boundTo, collect, mentions, usedParameters, withoutSelf, withSelf } from './fetch-scopes.ts';
import { type Module, walkStatements } from './module.ts';
import { NotReadable } from './outcome.ts';
import { isPrefix, partialText, programOf, splitCommands } from './program-words.ts';
import { openProjectCode, type ProjectCode } from './project-code.ts';
import type { PyValue } from './py-value.ts';
import type { Where } from './resolve-name.ts';
import { type Argument, type ClassNode, type Expression, expressionsOf, type FunctionNode, partsOf } from './syntax.ts';

export type { FetchKind } from './fetch-calls.ts';

/** Something that a model fetches when it runs, and that no lock knows of. */
export interface Fetch {
  readonly kind: FetchKind;
  readonly file: string;
  readonly line: number;
  /** As written: `snapshot_download`, `pget`. */
  readonly call: string;
  /** URL, `owner/name` or name; undefined where only running the code would tell. */
  readonly value: string | undefined;
  /** Keyword arguments that reading alone gives, such as `revision`, `filename`, `subfolder`, `local_dir`; of a program, its other words as `words`, `program` when it is called by a path, `cwd`, and `moved` when the folder it runs in is not known. `unread` names those that only running the code would tell. */
  readonly options: Readonly<Record<string, string | readonly string[]>>;
}

export interface PythonFile {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Switches that change what becomes of a file. */
const UNPACKS: ReadonlySet<string> = new Set(['extract', 'untar']);
/** More ways into one function are not followed. */
const MAX_WAYS = 64;
const MAX_CALL_DEPTH = 4;

/**
 * What Python files fetch when they run, in the order of the files and lines: by URL, from hubs and by the programs they start. Constants, f-strings of
 * constants, loops over them, defaults of variables of the environment and parameters of the project's own functions are followed; what cannot be read is listed without a value.
 * Nothing is executed.
 */
export function findFetches(
  files: readonly PythonFile[],
  environment: ReadonlyMap<string, string> = new Map(),
): readonly Fetch[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const code = openProjectCode({ read: (path) => texts.get(path) });
  const modules = files.flatMap(({ path }) => {
    const name = path.replace(/(?:\/__init__)?\.py$/, '').replaceAll('/', '.');
    return code.module(name) ?? code.file(path) ?? [];
  });
  const finder = new Finder(code, { modules, environment });
  const isMoved = finder.changesFolder();
  const found = modules
    .flatMap((module) => finder.inModule(module))
    .map((fetch) => (isMoved ? { ...fetch, options: { ...fetch.options, moved: 'true' } } : fetch));
  const seen = new Set<string>();
  return found.filter((fetch) => {
    const key = JSON.stringify(fetch);
    return seen.has(key) ? false : seen.add(key);
  });
}

interface Site {
  readonly module: Module;
  readonly call: Expression & { readonly kind: 'call' };
  readonly around: readonly (FunctionNode | ClassNode)[];
}

class Finder {
  readonly #code: ProjectCode;
  readonly #sites: readonly Site[];
  readonly #environment: ReadonlyMap<string, string>;
  readonly #aliases = new Map<Module, ReadonlyMap<string, string>>();

  constructor(
    code: ProjectCode,
    {
      modules,
      environment,
    }: { readonly modules: readonly Module[]; readonly environment: ReadonlyMap<string, string> },
  ) {
    this.#code = code;
    this.#environment = environment;
    this.#sites = modules.flatMap(callsIn);
  }

  /** Where relative paths lie is not known then. */
  changesFolder(): boolean {
    return this.#sites.some(({ call, module }) => this.#dotted(call.callee, module) === 'os.chdir');
  }

  inModule(module: Module): readonly Fetch[] {
    return this.#sites.filter((site) => site.module === module).flatMap((site) => this.#atSite(site));
  }

  #atSite(site: Site): readonly Fetch[] {
    const name = this.#dotted(site.call.callee, site.module);
    if (PROGRAM_CALLS.has(name)) return this.#program(site);
    if (site.call.callee.kind === 'attribute' && BUCKET_METHODS.has(site.call.callee.name)) return this.#bucket(site);
    if (/^torchvision\.models\.(?:\w+\.)*[a-z]\w*$/.test(name) && !FETCH_CALLS.has(name))
      return this.#call(site, { ...TORCHVISION_MODEL, shown: name });
    const method = site.call.callee.kind === 'attribute' ? FETCH_METHODS.get(site.call.callee.name) : undefined;
    const known = FETCH_CALLS.get(name) ?? method ?? byLastName(name);
    return known === undefined ? [] : this.#call(site, known);
  }

  #call(site: Site, known: FetchCall): readonly Fetch[] {
    const { args, callee } = site.call;
    const given =
      args.find((argument) => argument.how === 'keyword' && known.keywords.includes(argument.name)) ??
      args.filter((argument) => argument.how === 'positional')[known.index];
    if (given === undefined && known.always !== true && !args.some((argument) => argument.how.endsWith('star')))
      return [];
    const { only } = known;
    if (only !== undefined && !only.some((name) => isGiven(args, name)) && !isOnHub(given?.value)) return [];
    if (isTrue(args, 'local_files_only')) return [];
    const fetch = { ...site.module.place(site.call.at), call: known.shown ?? lastName(callee) };
    return this.#ways(site).flatMap((where): readonly Fetch[] => {
      const value = given === undefined ? undefined : this.#text(given.value, where);
      if (known.whenRead === true && (value === undefined || !/^https?:\/\//.test(value))) return [];
      const options = this.#options(args, known, where);
      const repository = known.kind === 'named' ? /^hf[-_]hub:(.+)$/.exec(value ?? '')?.[1] : undefined;
      if (repository !== undefined) return [{ kind: 'hub', ...fetch, value: repository, options }];
      if (value !== undefined && !isRemote(value, known.kind) && !isAsset(known, value)) return [];
      return [{ kind: known.kind, ...fetch, value, options }];
    });
  }

  /** `client.download_file(BUCKET, KEY, FILE)`; other ways to name an object are on objects that only running the code would tell. */
  #bucket(site: Site): readonly Fetch[] {
    const { args, callee } = site.call;
    const call = lastName(callee);
    const named = (name: string, index: number): Argument | undefined =>
      args.find((argument) => argument.name === name) ??
      (args.every(({ how }) => how === 'positional') ? args[index] : undefined);
    const [bucket, key, file] = [named('Bucket', 0), named('Key', 1), named('Filename', 2)];
    const place = site.module.place(site.call.at);
    return this.#ways(site).map((where): Fetch => {
      const [name, path, destination] = [bucket, key, file].map((one) => one && this.#text(one.value, where));
      const isNamed = call === 'download_file' && file !== undefined && name !== undefined && path !== undefined;
      return {
        kind: 'url',
        ...place,
        call,
        value: isNamed ? `s3://${name}/${path}` : undefined,
        options: isNamed && destination !== undefined ? { destination } : {},
      };
    });
  }

  #options(args: readonly Argument[], known: FetchCall, where: Where): Fetch['options'] {
    const options: Record<string, string | readonly string[]> = {};
    const unread: string[] = [];
    for (const { how, name, value } of args) {
      if (how !== 'keyword' || known.keywords.includes(name)) continue;
      const text = this.#text(value, where) ?? this.#texts(value, where);
      if (text !== undefined) options[name] = text;
      else {
        const other = this.#value(value, where);
        if (other === undefined) unread.push(name);
        if (other?.kind === 'bool' && other.value && UNPACKS.has(name)) options[name] = 'True';
      }
    }
    if (args.some(({ how }) => how.endsWith('star'))) unread.push('other arguments');
    const others = args.filter(({ how }) => how === 'positional').filter((_, index) => index !== known.index);
    const [other] = others;
    const name = known.kind === 'url' ? (known.index === 0 ? 'destination' : 'fname') : 'filename';
    const file = other === undefined ? undefined : this.#text(other.value, where);
    if (known.kind !== 'named' && file !== undefined) options[name] = file;
    else if (known.kind !== 'named' && other !== undefined && this.#value(other.value, where) === undefined)
      unread.push(name);
    return unread.length === 0 ? options : { ...options, unread };
  }

  #program(site: Site): readonly Fetch[] {
    const { args } = site.call;
    return this.#ways(site).flatMap((where) => {
      const folder = args.find(({ name }) => name === 'cwd');
      const cwd = folder === undefined ? undefined : this.#value(folder.value, where);
      const isHere = folder === undefined || cwd?.kind === 'none';
      const base = cwd?.kind === 'str' || cwd?.kind === 'path' ? cwd.value : undefined;
      const commands = this.#commands(args, where);
      return commands.flatMap((words, index) => {
        const moved = commands
          .slice(0, index)
          .some(([first]) => first === 'cd' || first === 'pushd' || first === undefined);
        const place = { cwd: base, isKnown: (isHere || base !== undefined) && !moved };
        return this.#programOf(site, words, { where, place });
      });
    });
  }

  #programOf(
    site: Site,
    words: readonly (string | undefined)[],
    {
      where,
      place,
    }: { readonly where: Where; readonly place: { readonly cwd: string | undefined; readonly isKnown: boolean } },
  ): readonly Fetch[] {
    const start = words.findIndex((word) => word !== undefined && FETCH_PROGRAMS.has(programOf(word)));
    const program = words[start];
    if (program === undefined || (start > 0 && !words.slice(0, start).every(isPrefix))) return [];
    const rest = words.slice(start + 1);
    const name = programOf(program);
    if (name === 'git' && rest[0] !== 'clone') return [];
    const isHub = (name === 'hf' || name === 'huggingface-cli') && rest[0] === 'download';
    if (name.startsWith('h') && !isHub) return [];
    const base = { ...site.module.place(site.call.at), call: name };
    const own = program.includes('/') ? { program } : {};
    const folder = {
      ...(place.cwd === undefined ? {} : { cwd: place.cwd }),
      ...(place.isKnown ? {} : { moved: 'true' }),
    };
    if (name === 'pget' && rest.includes('multifile')) {
      const lines = this.#manifest(site, rest, where);
      return lines.map(({ url, path }): Fetch => {
        const options =
          path === undefined ? { words: rest.flatMap((word) => word ?? []) } : { words: [path], ...own, ...folder };
        return { kind: 'url', ...base, call: 'pget', value: url, options };
      });
    }
    const addresses = rest.filter((word) => word !== undefined && /^[a-z][a-z0-9+.-]*:\/\//i.test(word));
    const values = isHub ? [rest[1]] : addresses.length > 0 ? addresses : [undefined];
    return values.map((value): Fetch => {
      const others = rest.filter((word) => word !== undefined && word !== value).flatMap((word) => word ?? []);
      const isUnread = rest.slice(isHub ? 2 : 0).includes(undefined) && value !== undefined;
      const unread = isUnread ? { unread: ['other words'] } : {};
      return { kind: isHub ? 'hub' : 'url', ...base, value, options: { words: others, ...own, ...folder, ...unread } };
    });
  }

  /** The lines of what `pget multifile -` is given by `input`, as far as they can be read. */
  #manifest(
    site: Site,
    words: readonly (string | undefined)[],
    where: Where,
  ): readonly { readonly url: string | undefined; readonly path?: string }[] {
    const input = site.call.args.find(({ name }) => name === 'input')?.value;
    const given =
      input?.kind === 'call' && lastName(input.callee) === 'encode' && input.callee.kind === 'attribute'
        ? input.callee.value
        : input;
    const text = given === undefined || words.at(-1) !== '-' ? undefined : this.#text(given, where);
    if (text === undefined) return [{ url: undefined }];
    const lines = text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    return lines.map((line) => {
      const [url, path, ...more] = line.split(/\s+/);
      return path === undefined || more.length > 0 ? { url: undefined } : { url, path };
    });
  }

  /** The programs that a call runs, each as its words; undefined for those that cannot be read. */
  #commands(args: readonly Argument[], where: Where): readonly (readonly (string | undefined)[])[] {
    const positional = args.filter((argument) => argument.how === 'positional' || argument.how === 'star');
    const [first] = positional;
    const list = first?.value ?? args.find((argument) => argument.name === 'args')?.value;
    if (list === undefined) return [];
    const split = splitText(list);
    if (list.kind === 'list' || list.kind === 'tuple') {
      const words = list.items.flatMap((item) => (item.kind === 'star' ? [undefined] : [this.#text(item, where)]));
      return inShell(words);
    }
    const value = this.#value(split ?? list, where);
    if (value?.kind === 'list' || value?.kind === 'tuple') {
      return inShell(value.items.map((item) => (item.kind === 'str' || item.kind === 'path' ? item.value : undefined)));
    }
    if (value?.kind !== 'str') {
      const partial = partialText(split ?? list, (part) => this.#text(part, where));
      return partial === undefined ? [] : splitCommands(partial);
    }
    // One word of several, as create_subprocess_exec takes them.
    if (positional.length > 1 && !/\s/.test(value.value)) {
      return [positional.map((argument) => (argument.how === 'star' ? undefined : this.#text(argument.value, where)))];
    }
    return splitCommands(value.value).flatMap(inShell);
  }

  /** The scopes in which a call may run: one for each way into the functions around it. */
  #ways(site: Site, depth = 0): readonly Where[] {
    const { module, around } = site;
    const inner = around.findLast((one) => one.kind === 'function');
    const base: Where = { code: this.#code, module, depth: 0, environment: this.#environment };
    if (inner === undefined) return [base];
    const owner = around.findLast((one) => one.kind === 'class');
    const callers = depth >= MAX_CALL_DEPTH || usedParameters(inner).length === 0 ? [] : this.#callers(inner, site);
    const ways = callers.flatMap((caller) =>
      this.#ways(caller, depth + 1).map((where) => boundTo(inner, caller.call.args, where)),
    );
    const parameters = ways.length > 0 ? ways : [boundTo(inner, [], base)];
    return parameters
      .slice(0, MAX_WAYS)
      .flatMap((locals) => this.#bodies(inner, { ...base, locals: withSelf(locals, owner, base) }));
  }

  #callers(node: FunctionNode, { module }: Site): readonly Site[] {
    return this.#sites.filter((site) => {
      if (lastName(site.call.callee) !== node.name || site.around.includes(node)) return false;
      return site.module === module || site.module.bindings.has(node.name) || site.call.callee.kind === 'attribute';
    });
  }

  /** The scopes of a function's body: with its own names, and once for each value of a loop. */
  #bodies(node: FunctionNode, where: Where): readonly Where[] {
    const assigned = new Map<string, Expression | undefined>();
    const loops: { readonly target: Expression; readonly over: Expression }[] = [];
    walkStatements(node.body, (statement) => collect(statement, assigned, loops));
    const locals = new Map(where.locals);
    const scope: Where = { ...where, locals };
    for (const [name, value] of assigned) {
      const before = locals.get(name);
      if (value === undefined) locals.set(name, undefined);
      else if (before === undefined || !mentions(value, name))
        locals.set(name, { value: withoutSelf(value), where: scope });
      else locals.set(name, undefined);
    }
    return loops.reduce<readonly Where[]>((scopes, loop) => scopes.flatMap((one) => this.#each(loop, one)), [scope]);
  }

  #each({ target, over }: { readonly target: Expression; readonly over: Expression }, where: Where): readonly Where[] {
    const value = this.#value(over, where);
    const items =
      value?.kind === 'dict' ? value.entries.map(([key]) => key) : value && 'items' in value ? value.items : [];
    if (items.length === 0 || items.length > MAX_WAYS) return [where];
    return items.map((item) => {
      const locals = new Map(where.locals);
      bindLoop(target, item, locals);
      return { ...where, locals };
    });
  }

  #text(expression: Expression, where: Where): string | undefined {
    const value = this.#value(expression, where);
    return value?.kind === 'str' || value?.kind === 'path' ? value.value : undefined;
  }

  #texts(expression: Expression, where: Where): readonly string[] | undefined {
    const value = this.#value(expression, where);
    if (value?.kind !== 'list' && value?.kind !== 'tuple') return undefined;
    const texts = value.items.map((item) => (item.kind === 'str' ? item.value : undefined));
    return texts.includes(undefined) ? undefined : texts.flatMap((text) => text ?? []);
  }

  #value(expression: Expression, where: Where): PyValue | undefined {
    try {
      return evaluate(withoutSelf(expression), where);
    } catch (error) {
      if (error instanceof NotReadable || error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** A callee's dotted name with the file's imports followed, wherever in the file they stand. */
  #dotted(callee: Expression, module: Module): string {
    const name = nameOf(callee);
    if (name === undefined) return lastName(callee);
    let aliases = this.#aliases.get(module);
    if (aliases === undefined) {
      aliases = aliasesIn(module);
      this.#aliases.set(module, aliases);
    }
    const [first = '', ...rest] = name.split('.');
    return [aliases.get(first) ?? first, ...rest].join('.');
  }
}

/** The text that `shlex.split(TEXT)` or `TEXT.split()` takes apart. */
function splitText(expression: Expression): Expression | undefined {
  if (expression.kind !== 'call' || lastName(expression.callee) !== 'split') return undefined;
  const { callee, args } = expression;
  const isMethod = callee.kind === 'attribute' && !(callee.value.kind === 'name' && callee.value.name === 'shlex');
  return isMethod ? callee.value : args[0]?.value;
}

/** `bash -c TEXT` as the commands of the text. */
function inShell(words: readonly (string | undefined)[]): readonly (readonly (string | undefined)[])[] {
  const [program, flag, text, ...more] = words;
  const isShell = /^(?:\/bin\/|\/usr\/bin\/)?(?:ba)?sh$/.test(program ?? '') && /^-[elx]*c$/.test(flag ?? '');
  return isShell && text !== undefined && more.length === 0 ? splitCommands(text) : [words];
}

/** Weights that Ultralytics fetches by the name of their file. */
function isAsset({ keywords }: FetchCall, value: string): boolean {
  return keywords[0] === 'model' && /^(?:yolo|rtdetr|sam_|sam2|mobile_sam|FastSAM)[\w.-]*\.pt$/i.test(value);
}

/** A name such as `hf-hub:owner/model`, which is fetched with or without more being asked. */
function isOnHub(expression: Expression | undefined): boolean {
  return expression?.kind === 'string' && /^hf[-_]hub:/.test(expression.value);
}

function callsIn(module: Module): readonly Site[] {
  const sites: Site[] = [];
  const visit = (expression: Expression, around: Site['around']): void => {
    if (expression.kind === 'call') sites.push({ module, call: expression, around });
    for (const part of partsOf(expression)) visit(part, around);
  };
  walkStatements(module.body, (statement, around) => {
    for (const expression of expressionsOf(statement)) visit(expression, around);
  });
  return sites;
}

function aliasesIn(module: Module): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>();
  walkStatements(module.body, (statement) => {
    if (statement.kind === 'import') {
      for (const { module: name, as } of statement.modules) if (as !== undefined) aliases.set(as, name);
    } else if (statement.kind === 'from' && statement.level === 0) {
      for (const { name, as } of statement.names) aliases.set(as, `${statement.module}.${name}`);
    }
  });
  return aliases;
}

/** Helpers that many projects copy, known by their last name. */
function byLastName(name: string): FetchCall | undefined {
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (name.startsWith('modelscope.')) return undefined;
  return [
    'load_file_from_url',
    'hf_hub_download',
    'snapshot_download',
    'urlretrieve',
    'load_state_dict_from_url',
  ].includes(last)
    ? [...FETCH_CALLS].find(([known]) => known.endsWith(`.${last}`) && !known.startsWith('modelscope.'))?.[1]
    : undefined;
}

function nameOf(expression: Expression): string | undefined {
  if (expression.kind === 'name') return expression.name;
  if (expression.kind !== 'attribute') return undefined;
  const base = nameOf(expression.value);
  return base === undefined ? undefined : `${base}.${expression.name}`;
}

function lastName(expression: Expression): string {
  return expression.kind === 'name' || expression.kind === 'attribute' ? expression.name : '';
}

function isGiven(args: readonly Argument[], name: string): boolean {
  const value = args.find((argument) => argument.name === name)?.value;
  return value !== undefined && value.kind !== 'none' && !(value.kind === 'boolean' && !value.value);
}

function isTrue(args: readonly Argument[], name: string): boolean {
  const value = args.find((argument) => argument.name === name)?.value;
  return value?.kind === 'boolean' && value.value;
}

/** What files of weights and settings end in; names of repositories may hold a dot as well. */
const FILE_NAME =
  /\.(?:bin|ckpt|gguf|gz|h5|json|npy|npz|onnx|pb|pickle|pkl|pt|pth|safetensors|tar|tflite|txt|ya?ml|zip)$/i;

/** A path of the project, such as `./weights`, is not fetched. */
function isRemote(value: string, kind: FetchKind): boolean {
  if (kind === 'url') return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) && !value.startsWith('file:');
  return /^https?:/.test(value) || !(/^[./~]/.test(value) || FILE_NAME.test(value));
}

import { compareBytes } from '../canonical.ts';
import type { File, Lock, PlacedFile, PythonPackage, Target } from './schema.generated.ts';

export interface LockProblem {
  /** Where in the lock, such as `targets.linux/amd64.python.packages[3]`. */
  readonly path: string;
  readonly text: string;
}

/** What the schema cannot say: order, uniqueness, edges that lead somewhere, one size per hash. Empty for a sound lock. */
export function checkLock(lock: Lock): readonly LockProblem[] {
  const problems: LockProblem[] = [];
  const sizes = new Map<string, number>();
  for (const { path, file } of lockedFiles(lock)) {
    const known = sizes.get(file.sha256);
    if (known !== undefined && known !== file.size) {
      problems.push({ path, text: `${file.sha256} has two sizes, ${known} and ${file.size}` });
    }
    sizes.set(file.sha256, file.size);
    if (/^[a-z+]+:\/\/[^/]*@/i.test(file.url)) problems.push({ path, text: 'a URL carries credentials' });
  }
  for (const [platform, target] of Object.entries(lock.targets)) {
    problems.push(...checkTarget(target, `targets.${platform}`));
  }
  return problems;
}

/** Every file that the lock names, with its place: tools, indexes, .debs, wheels. */
export function* lockedFiles(
  lock: Lock,
): Generator<{ readonly path: string; readonly what: string; readonly file: File }> {
  for (const [index, tool] of lock.tools.entries()) {
    yield { path: `tools[${index}]`, what: `${tool.name} ${tool.version} (${tool.host})`, file: tool.file };
  }
  for (const [platform, target] of Object.entries(lock.targets)) {
    for (const [index, archive] of target.system.archives.entries()) {
      const path = `targets.${platform}.system.archives[${index}]`;
      yield { path: `${path}.inRelease`, what: `InRelease of ${archive.suite}`, file: archive.inRelease };
      yield { path: `${path}.packages`, what: `Packages of ${archive.suite}`, file: archive.packages };
    }
    yield* baseFiles(target, `targets.${platform}`);
    yield* imageFiles(target, `targets.${platform}`);
    yield* buildFiles(target, `targets.${platform}`);
  }
}

/** The documents and layers of an image base: its bytes are in the image, and are read only where something needs them. */
export function* baseFiles(
  { base }: Target,
  at = 'target',
): Generator<{ readonly path: string; readonly what: string; readonly file: File }> {
  if (base.kind !== 'image') return;
  yield { path: `${at}.base.manifest`, what: `manifest of ${base.image}`, file: base.manifest };
  yield { path: `${at}.base.config`, what: `config of ${base.image}`, file: base.config };
  for (const [index, layer] of base.layers.entries()) {
    yield { path: `${at}.base.layers[${index}]`, what: `layer ${index + 1} of ${base.image}`, file: layer.file };
  }
}

/** The files of a target whose bytes enter its image, but for those of an image base. */
export function* imageFiles(
  target: Target,
  at = 'target',
): Generator<{ readonly path: string; readonly what: string; readonly file: File }> {
  if (target.interpreter.file !== undefined) {
    const what = `Python ${target.interpreter.version}`;
    yield { path: `${at}.interpreter`, what, file: target.interpreter.file };
  }
  for (const [index, item] of target.system.packages.entries()) {
    yield { path: `${at}.system.packages[${index}]`, what: `${item.name} ${item.version}`, file: item.file };
  }
  for (const [index, item] of target.python.packages.entries()) {
    yield { path: `${at}.python.packages[${index}]`, what: `${item.name} ${item.version}`, file: item.file };
  }
  for (const [index, set] of target.weights.entries()) {
    if (set.place !== 'image') continue;
    for (const [number, { path, file }] of set.files.entries()) {
      yield { path: `${at}.weights[${index}].files[${number}]`, what: `weights ${set.name}/${path}`, file };
    }
  }
  yield {
    path: `${at}.runtime.sdk`,
    what: `${target.runtime.sdk.name} ${target.runtime.sdk.version}`,
    file: target.runtime.sdk.file,
  };
  for (const [index, item] of target.files.entries()) {
    if (item.file !== undefined) yield { path: `${at}.files[${index}]`, what: placedName(item), file: item.file };
  }
  for (const [index, step] of target.steps.entries()) {
    for (const [place, exchange] of (step.fetched ?? []).entries()) {
      const path = `${at}.steps[${index}].fetched[${place}]`;
      yield { path, what: `${exchange.url}, fetched by ${step.from}`, file: exchange.file };
    }
  }
  for (const [index, item] of target.runtime.server.entries()) {
    yield { path: `${at}.runtime.server[${index}]`, what: `${item.name} ${item.version}`, file: item.file };
  }
}

/** What a person would call something that is placed: the path, and where it comes from. */
export function placedName({ path, from }: PlacedFile): string {
  return `${path} (${from})`;
}

/** The files that the wheels of a target were built from, beside its image's own. */
export function* buildFiles(
  target: Target,
  at = 'target',
): Generator<{ readonly path: string; readonly what: string; readonly file: File }> {
  for (const [index, item] of (target.toolchain?.packages ?? []).entries()) {
    yield { path: `${at}.toolchain.packages[${index}]`, what: `${item.name} ${item.version}`, file: item.file };
  }
  for (const [index, item] of target.python.packages.entries()) {
    yield* inputsOf(item, `${at}.python.packages[${index}]`);
  }
}

function* inputsOf(
  { name, version, built }: Pick<PythonPackage, 'name' | 'version' | 'built'>,
  at: string,
): Generator<{ readonly path: string; readonly what: string; readonly file: File }> {
  if (built === undefined) return;
  yield { path: `${at}.built.source`, what: `the source of ${name} ${version}`, file: built.source.file };
  for (const [index, item] of built.requires.entries()) {
    const path = `${at}.built.requires[${index}]`;
    yield { path, what: `${item.name} ${item.version}`, file: item.file };
    yield* inputsOf(item, path);
  }
}

function checkTarget(target: Target, at: string): LockProblem[] {
  const problems: LockProblem[] = [];
  const sorted = (names: readonly string[], path: string): void => {
    for (let index = 1; index < names.length; index++) {
      const [before, name] = [names[index - 1] ?? '', names[index] ?? ''];
      if (compareBytes(before, name) >= 0) {
        problems.push({
          path: `${path}[${index}]`,
          text: before === name ? `${name} stands twice` : `${name} is out of order`,
        });
      }
    }
  };
  sorted(
    target.system.packages.map((item) => item.name),
    `${at}.system.packages`,
  );
  sorted(
    target.python.packages.map((item) => item.name),
    `${at}.python.packages`,
  );
  sorted(
    target.runtime.server.map((item) => item.name),
    `${at}.runtime.server`,
  );
  sorted(
    (target.toolchain?.packages ?? []).map((item) => item.name),
    `${at}.toolchain.packages`,
  );
  if ((target.interpreter.provider === 'standalone') !== (target.interpreter.file !== undefined)) {
    problems.push({ path: `${at}.interpreter`, text: 'a standalone interpreter, and no other, has a file' });
  }
  if ((target.interpreter.provider === 'debian') !== (target.interpreter.modules === undefined)) {
    problems.push({
      path: `${at}.interpreter`,
      text: 'an interpreter says where modules go, unless it is that of Debian',
    });
  }
  if (target.interpreter.provider === 'base' && target.base.kind !== 'image') {
    problems.push({ path: `${at}.interpreter`, text: 'the base is no image that could bring an interpreter' });
  }
  const debs = new Set(target.system.packages.map((item) => item.name));
  for (const [index, item] of target.system.packages.entries()) {
    const lost = item.depends.find((name) => !debs.has(name));
    if (lost !== undefined) {
      problems.push({
        path: `${at}.system.packages[${index}].depends`,
        text: `${item.name} depends on ${lost}, which is not locked`,
      });
    }
  }
  const orders = new Set<number>();
  for (const { path, order } of [
    ...target.files.map((item, index) => ({ path: `${at}.files[${index}]`, order: item.order })),
    ...target.steps.map((item, index) => ({ path: `${at}.steps[${index}]`, order: item.order })),
  ]) {
    if (orders.has(order)) problems.push({ path, text: `position ${order} is taken twice` });
    orders.add(order);
  }
  for (const [index, item] of target.files.entries()) {
    const problem = placementProblem(item);
    if (problem !== undefined) problems.push({ path: `${at}.files[${index}]`, text: problem });
  }
  const layers = new Set<string>();
  for (const [index, seal] of target.seals.entries()) {
    if (layers.has(seal.layer))
      problems.push({ path: `${at}.seals[${index}]`, text: `layer ${seal.layer} is sealed twice` });
    layers.add(seal.layer);
  }
  return problems;
}

/** What the schema cannot say of something that is placed: each kind has its own source of bytes, and a path that stays inside. */
function placementProblem(item: PlacedFile): string | undefined {
  const segments = item.path === '/' && item.unpack !== undefined ? [] : item.path.split('/').slice(1);
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..' || segment.includes('\0'))) {
    return `${item.path} is not a plain absolute path`;
  }
  const sources = [item.file, item.text, item.target].filter((source) => source !== undefined).length;
  if (item.kind === 'symlink') return item.target === undefined ? 'a link without target' : undefined;
  if (item.kind === 'file') return sources === 1 && item.target === undefined ? undefined : 'a file without its bytes';
  if (item.file !== undefined && item.unpack === undefined) return 'a directory made of a file that is not unpacked';
  return item.text === undefined && item.target === undefined ? undefined : 'a directory with content of its own';
}

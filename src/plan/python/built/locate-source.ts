import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { packTree } from '../../../apply/wheel-build/pack-tree.ts';
import type { Context } from '../../../context.ts';
import { CogplanError, unreachable, type Where, withoutUserInfo } from '../../../errors.ts';
import { expandUserInfo } from '../../../formats/python/user-info-variables.ts';
import { formatVersion, parseVersion, type Version } from '../../../formats/python/version.ts';
import { projectUrl } from '../../../lock/project-url.ts';
import type { BuiltSource } from '../../../lock/schema.generated.ts';
import { type Checkout, checkoutCommit } from '../../../sources/git/checkout.ts';
import { type BuildReference, describeReference } from './reference.ts';

/**
 * Brings a source into the store and pins it: a commit and the tar of its tree, an archive by its hash, a directory of the project by the tar of what it holds. Errors are those of the fetching;
 * paths cannot leave the project.
 */
export async function locateSource(
  context: Context,
  reference: BuildReference,
  { directory, where }: { readonly directory: string; readonly where: Where | undefined },
): Promise<BuiltSource> {
  const below = reference.subdirectory === undefined ? {} : { subdirectory: reference.subdirectory };
  switch (reference.kind) {
    case 'git':
      return { ...(await locateCommit(context, reference, where)), ...below };
    case 'archive': {
      const { body } = await context.http.stream(expandUserInfo(reference.url, context.env), {
        signal: context.signal,
      });
      const expected = reference.sha256 === undefined ? {} : { sha256: reference.sha256 };
      const { sha256, size } = await context.store.put(body, expected);
      const computed = reference.sha256 === undefined ? { computed: true as const } : {};
      return { kind: 'archive', file: { url: withoutUserInfo(reference.url), sha256, size, ...computed }, ...below };
    }
    case 'file': {
      const path = await locateIn(directory, reference.path, reference.kind, where);
      const { sha256, size } = await context.store.put(createReadStream(path));
      return { kind: 'archive', file: { url: urlOf(reference.path), sha256, size }, ...below };
    }
    case 'directory': {
      const path = await locateIn(directory, reference.path, reference.kind, where);
      const { sha256, size } = await packTree(context, { directory: path, what: describeReference(reference) });
      return { kind: 'directory', file: { url: urlOf(reference.path), sha256, size }, ...below };
    }
    default:
      return unreachable(reference);
  }
}

/** Absolute path of something in the project; a link that leads out of it is refused. */
async function locateIn(
  directory: string,
  path: string,
  kind: 'file' | 'directory',
  where: Where | undefined,
): Promise<string> {
  const refuse = (problem: string): CogplanError =>
    new CogplanError('COGPLAN_SPEC_FILE_MISSING', `${path} ${problem}`, {
      subject: path,
      where,
      hint: 'Name a directory or archive in the project, relative to it.',
    });
  const absolute = resolve(directory, path);
  if (!isInside(directory, absolute)) throw refuse('lies outside the project');
  const found = await stat(absolute).catch(() => undefined);
  if (found === undefined) throw refuse('does not exist');
  if (kind === 'file' ? !found.isFile() : !found.isDirectory()) throw refuse(`is no ${kind}`);
  if (!isInside(await realpath(directory), await realpath(absolute))) throw refuse('leads out of the project');
  return absolute;
}

function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith('../') && !way.startsWith('/');
}

function urlOf(path: string): string {
  const plain = path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  return projectUrl(plain === '' ? '.' : plain);
}

async function locateCommit(
  context: Context,
  reference: BuildReference & { readonly kind: 'git' },
  where: Where | undefined,
): Promise<BuiltSource> {
  const { url, ref } = reference;
  const scratch = await context.store.scratch('git');
  try {
    const directory = join(scratch.path, 'tree');
    const request = {
      url: expandUserInfo(url, context.env),
      ...(ref === undefined ? {} : { ref }),
      ...(where === undefined ? {} : { where }),
    };
    const checkout = await checkoutCommit(context, request, directory);
    const { sha256, size } = await packTree(context, { directory, what: describeReference(reference) });
    return {
      kind: 'git',
      file: { url: `git+${withoutUserInfo(url)}@${checkout.commit}`, sha256, size },
      ...(ref === undefined ? {} : { ref }),
      version: scmVersion(checkout),
    };
  } finally {
    await scratch.dispose();
  }
}

/**
 * What setuptools_scm would say of a clean checkout: the tag itself, or a development version of the next release. The repository is not there when the wheel is built.
 * https://setuptools-scm.readthedocs.io/en/latest/usage/#default-versioning-scheme
 */
export function scmVersion({ commit, description }: Checkout): string {
  const node = `g${commit.slice(0, 7)}`;
  const match = /^(.*)-(\d+)-g[0-9a-f]+$/.exec(description ?? '');
  const tag = parseVersion((match?.[1] ?? '').replace(/^(?:[A-Za-z_][\w.]*-)?[vV]?(?=\d)/, ''));
  if (tag === undefined) return `0.1.dev0+${node}`;
  if (match?.[2] === '0') return formatVersion(tag);
  return `${nextRelease(tag)}.dev${match?.[2]}+${node}`;
}

function nextRelease({ release, pre, post }: Version): string {
  if (pre !== undefined || post !== undefined) return release.join('.');
  return [...release.slice(0, -1), (release.at(-1) ?? 0) + 1].join('.');
}

/** Of an archive, such as `demo-1.0.tar.gz`. */
export function sourceName(source: BuiltSource): string {
  return decodeURIComponent(basename(source.file.url));
}

import { CogplanError, type Where } from '../errors.ts';
import { type DirectReference, looksDirect, parseDirectReference } from '../formats/python/direct-reference.ts';
import { formatMarker, type Marker, parseMarker } from '../formats/python/marker.ts';
import { normalizeName } from '../formats/python/name.ts';
import { formatRequirement, parseRequirement, type Requirement } from '../formats/python/requirement.ts';
import { parseWheelFilename } from '../formats/python/wheel-filename.ts';
import { oneFix, splitFix } from './edit-spec.ts';
import { locateLocalPath } from './local-path.ts';
import { refuseDialects } from './requirement-dialects.ts';
import { readHashes } from './requirement-hashes.ts';
import type { RequirementLine, RequirementSource } from './spec.ts';

export interface RequirementContext {
  /** Absolute path of the project. */
  readonly directory: string;
  readonly where: Where;
  /** Project-relative path of the file that holds the text. */
  readonly from: string;
  /** Values of `--hash`. */
  readonly hashes?: readonly string[];
  readonly editable?: boolean;
  readonly configSettings?: readonly string[];
  readonly globalOptions?: readonly string[];
}

/**
 * Reads one requirement in any of pip's spellings: by PEP 508, or a URL, path or git address with or without a name. Its options are in the
 * context already. Throws what cannot be meant, with place and repair.
 */
export async function interpretRequirement(written: string, context: RequirementContext): Promise<RequirementLine> {
  const { where } = context;
  // pip takes a semicolon with nothing behind it.
  const text = written.replace(/\s*;\s*$/, '');
  refuseSingleEquals(text, where);
  refuseGitProtocol(text, where);
  refuseDialects(text, where);
  refuseSeveral(text, where);
  refuseCondaBuild(text, where);
  const { requirement, reference } = takeApart(text, where);
  const source = reference === undefined ? ({ kind: 'index' } as const) : await locate(reference, context);
  const named = nameFromWheel(requirement, source, context);
  const hashes = readHashes([...(context.hashes ?? []), ...(reference?.hashes ?? [])], where);
  if (hashes.length > 0 && (source.kind === 'vcs' || (source.kind === 'path' && source.form === 'directory'))) {
    throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `${text.slice(0, 200)} is no file that a hash could be of`, {
      where,
      hint: source.kind === 'vcs' ? 'Remove the hash; name the commit instead.' : 'Remove the hash.',
    });
  }
  const { name, extras = [], specifiers = [], marker } = named;
  const given = {
    editable: context.editable,
    configSettings: context.configSettings,
    globalOptions: context.globalOptions,
  };
  return {
    text: textOf(named, source, reference),
    where,
    hashes,
    ...(name === undefined ? {} : { name: normalizeName(name) }),
    extras,
    specifiers,
    ...(marker === undefined ? {} : { marker }),
    source,
    ...(given.editable === true ? { editable: true } : {}),
    ...(given.configSettings?.length ? { configSettings: given.configSettings } : {}),
    ...(given.globalOptions?.length ? { globalOptions: given.globalOptions } : {}),
  };
}

const CONDA_ONLY =
  /^(?:_\w+|blas|bzip2|ca-certificates|cudatoolkit(?:-dev)?|cuda-\w[\w-]*|cudnn|freetype|gmp|gnutls|intel-openmp|jpeg|krb5|lame|lcms2|ld_impl_[\w-]+|lib(?:gcc|stdcxx|gomp|gfortran)[\w-]*|libffi|libiconv|libpng|libtiff|libuv|libwebp[\w-]*|lz4-c|mkl-service|ncurses|nettle|openh264|openssl|pytorch-cuda|pytorch-mutex|readline|sqlite|tk|xz|zlib|zstd)$/;

// conda writes `name=version=build`.
function refuseSingleEquals(text: string, where: Where): void {
  const match = /^([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*=\s*([0-9][\w.+*!-]*)(=[\w.]+)?$/.exec(text);
  if (match === null) return;
  const [, name = '', version = '', build] = match;
  if (CONDA_ONLY.test(name)) {
    throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `\`${text}\` is a package of conda, not one of Python`, {
      where,
      subject: text,
      hint: /cuda|cudnn/.test(name)
        ? 'Remove the line: the wheels bring their CUDA; which one says build.cuda in cog.yaml.'
        : 'Remove the line: what it brings comes with the wheels, or from build.system_packages in cog.yaml.',
      data: oneFix(where, text, ''),
    });
  }
  const pinned = `${name}==${version}`;
  const reason = build === undefined ? 'a version is pinned with "==", not "="' : "it is written in conda's way";
  throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `\`${text}\` is not a requirement: ${reason}`, {
    where,
    subject: text,
    hint: `Write ${pinned}.`,
    data: oneFix(where, text, pinned),
  });
}

// `numpy scipy` and `numpy 1.26`
function refuseSeveral(text: string, where: Where): void {
  const words = text.split(/\s+/);
  const [name = '', version = ''] = words;
  const isName = (word: string): boolean =>
    /^[A-Za-z][\w.-]*(?:\[[\w,.-]*\])?(?:[<>=!~]=?=?[\w.*+!,<>=~-]+)?$/.test(word);
  if (words.length === 2 && /^[A-Za-z][\w.-]*$/.test(name) && /^v?[0-9]+(?:\.[0-9]+)+\S*$/.test(version)) {
    const pinned = `${name}==${version.replace(/^v/, '')}`;
    throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `\`${text}\` is not a requirement: "==" is missing`, {
      where,
      subject: text,
      hint: `Write ${pinned}.`,
      data: oneFix(where, text, pinned),
    });
  }
  if (words.length < 2 || words.length > 50 || !words.every(isName)) return;
  const shown = words.slice(0, 10).join(', ');
  throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `\`${text.slice(0, 200)}\` is more than one requirement`, {
    where,
    subject: text.slice(0, 200),
    hint: `Write each on a line of its own: ${shown}${words.length > 10 ? ', …' : ''}.`,
    data: splitFix(where, text, words),
  });
}

/** `pip freeze` writes where conda built a package, on a machine that is not this one. */
function refuseCondaBuild(text: string, where: Where): void {
  const [, name, path = ''] =
    /^([A-Za-z0-9][\w.-]*)\s*@\s*file:\/\/(\/(?:croot|opt\/conda|home\/(?:conda|builder|task_)|tmp\/(?:build|abs_)|work\/(?:ci|perseverance)|Users|private|[A-Z]:|b\/abs_|feedstock_root)\S*)/.exec(
      text,
    ) ?? [];
  if (name === undefined) return;
  const version = new RegExp(`/${name.replace(/[-_.]+/g, '[-_.]+')}[-_](\\d+(?:\\.\\d+)+)(?:[-_/]|$)`, 'i').exec(
    path,
  )?.[1];
  const instead = version === undefined ? name : `${name}==${version}`;
  throw new CogplanError('COGPLAN_REQUIREMENT_PATH', `${path.slice(0, 300)} lies outside the project`, {
    subject: path.slice(0, 300),
    where,
    hint: `\`pip freeze\` writes this for a package that conda built, and not its version: write NAME==VERSION, or ${instead} for the newest that fits.`,
    data: oneFix(where, /^[^;#]*[^;#\s]/.exec(text)?.[0] ?? text, instead),
  });
}

function refuseGitProtocol(text: string, where: Where): void {
  const address = /(?:git\+)?git:\/\/[^\s;]+/.exec(text)?.[0];
  if (address === undefined) return;
  const secure = address.replace(/^(?:git\+)?git:/, 'git+https:');
  throw new CogplanError(
    'COGPLAN_REQUIREMENT_UNSUPPORTED',
    `${text.slice(0, 300)} cannot be used: the git protocol is not authenticated, and hosts have switched it off`,
    { where, subject: address, hint: `Write ${secure}.`, data: oneFix(where, address, secure) },
  );
}

/** A requirement whose name may be known only to what it points to. */
type Unnamed = Partial<Pick<Requirement, 'name' | 'extras' | 'specifiers' | 'marker'>>;

function takeApart(
  text: string,
  where: Where,
): { readonly requirement: Unnamed; readonly reference: DirectReference | undefined } {
  if (!looksDirect(text)) {
    const requirement = parseRequirement(text, where);
    if (requirement.url === undefined) return { requirement, reference: undefined };
    return { requirement, reference: parseDirectReference(requirement.url, where) };
  }
  // A semicolon may be part of a URL, but not of a path.
  const separator = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? /\s*;\s|\s+;/ : /;/;
  const at = separator.exec(text);
  const marker = at === null ? {} : { marker: readMarker(text.slice(at.index + at[0].length), text, where) };
  // No address ends in a semicolon: what would follow one is an empty marker.
  const address = (at === null ? text : text.slice(0, at.index)).replace(/\s*;+(?=\s*(?:#|$))/, '').trim();
  const bracket = /^([^#]*?)\s*\[([\w.,\s-]*)\]$/.exec(address);
  const reference = parseDirectReference(bracket?.[1] ?? address, where);
  const egg = reference.egg === undefined ? {} : readEgg(reference.egg, where);
  const extras = bracket === null ? egg.extras : parseRequirement(`x[${bracket[2]}]`, where).extras;
  return { requirement: { ...egg, ...(extras === undefined ? {} : { extras }), ...marker }, reference };
}

function readMarker(marker: string, text: string, where: Where): Marker {
  try {
    return parseMarker(marker);
  } catch (error) {
    if (!(error instanceof CogplanError)) throw error;
    throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', error.message, {
      where,
      hint: error.hint,
      subject: text.slice(0, 300),
    });
  }
}

function readEgg(egg: string, where: Where): Unnamed {
  const match = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(\[[\w.,\s-]*\])?$/.exec(egg);
  if (match === null) {
    throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `#egg=${egg.slice(0, 100)} is not the name of a package`, {
      where,
      hint: 'Write #egg=NAME, or leave it out and write NAME @ before the address.',
    });
  }
  return parseRequirement(egg, where);
}

async function locate(reference: DirectReference, context: RequirementContext): Promise<RequirementSource> {
  const subdirectory = reference.subdirectory === undefined ? {} : { subdirectory: reference.subdirectory };
  switch (reference.kind) {
    case 'url':
      return { kind: 'url', url: reference.url, form: reference.form, ...subdirectory };
    case 'vcs': {
      const ref = reference.ref === undefined ? {} : { ref: reference.ref };
      return { kind: 'vcs', vcs: 'git', url: reference.url, ...ref, ...subdirectory };
    }
    case 'path': {
      const found = await locateLocalPath(context.directory, reference.path, context);
      return { kind: 'path', ...found, ...(found.form === 'wheel' ? {} : subdirectory) };
    }
  }
}

// The file name of a wheel says what it is; a name beside it must be the same.
function nameFromWheel(requirement: Unnamed, source: RequirementSource, { where }: RequirementContext): Unnamed {
  if (source.kind === 'index' || source.kind === 'vcs' || source.form !== 'wheel') return requirement;
  const address =
    source.kind === 'url' ? new URL(source.url.replace(/^([a-z]+:\/\/)[^\s/]*@/i, '$1')).pathname : source.path;
  const filename = decodeName(address.split('/').at(-1) ?? '');
  const wheel = parseWheelFilename(filename);
  if (wheel === undefined) {
    throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', `${filename.slice(0, 200)} is not the file name of a wheel`, {
      where,
      hint: 'A wheel is called NAME-VERSION-PYTHON-ABI-PLATFORM.whl; pip refuses any other name.',
    });
  }
  if (requirement.name === undefined) return { ...requirement, name: wheel.distribution };
  if (normalizeName(requirement.name) === wheel.name) return requirement;
  const text = `${requirement.name} is asked, but the wheel is one of ${wheel.distribution}`;
  throw new CogplanError('COGPLAN_REQUIREMENT_INVALID', text, { where, hint: `Write ${wheel.distribution} @ …` });
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function textOf(requirement: Unnamed, source: RequirementSource, reference: DirectReference | undefined): string {
  const { name, extras = [], specifiers = [], marker } = requirement;
  if (source.kind === 'index' || reference === undefined) {
    return formatRequirement({ name: name ?? '', extras, specifiers, ...(marker === undefined ? {} : { marker }) });
  }
  const fragment = [
    ...(source.subdirectory === undefined ? [] : [`subdirectory=${source.subdirectory}`]),
    ...(source.kind === 'url' ? reference.hashes.map((hash) => hash.replace(':', '=')) : []),
  ].join('&');
  const address = `${addressOf(source)}${fragment === '' ? '' : `#${fragment}`}`;
  if (name !== undefined) {
    return formatRequirement({
      name,
      extras,
      specifiers: [],
      url: address,
      ...(marker === undefined ? {} : { marker }),
    });
  }
  const bracket = extras.length === 0 ? '' : `[${[...extras].sort().join(',')}]`;
  return `${address}${bracket}${marker === undefined ? '' : ` ; ${formatMarker(marker)}`}`;
}

function addressOf(source: Exclude<RequirementSource, { kind: 'index' }>): string {
  if (source.kind === 'url') return source.url;
  if (source.kind === 'path') return source.path === '.' ? '.' : `./${source.path}`;
  return `git+${source.url}${source.ref === undefined ? '' : `@${source.ref}`}`;
}

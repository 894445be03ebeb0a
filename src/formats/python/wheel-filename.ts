import { isValidName, type NormalizedName, normalizeName } from './name.ts';
import { parseVersion, type Version } from './version.ts';

/** The parts of a wheel's file name; tags are the compressed sets as written. */
export interface WheelFilename {
  readonly filename: string;
  readonly name: NormalizedName;
  /** The distribution's name as the file spells it. */
  readonly distribution: string;
  readonly version: Version;
  /** As the file spells it. */
  readonly versionText: string;
  /** Digits and the rest, compared in this order; absent sorts below any. */
  readonly build?: { readonly number: number; readonly suffix: string };
  readonly pythonTags: readonly string[];
  readonly abiTags: readonly string[];
  readonly platformTags: readonly string[];
  /** The variant label of PEP 825 drafts: such a file is never chosen, and never confuses the rest. */
  readonly variant?: string;
}

const CHARACTERS = /^[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl$/;
const TAGS = /^[a-z0-9_]+(?:\.[a-z0-9_]+)*$/i;
const BUILD = /^([0-9]+)([A-Za-z0-9_.]*)$/;
const MAX_LENGTH = 255;

/**
 * Undefined for text that is not a wheel's file name: indexes list other files beside wheels.
 * https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
 */
export function parseWheelFilename(filename: string): WheelFilename | undefined {
  if (filename.length > MAX_LENGTH || !CHARACTERS.test(filename)) return undefined;
  const parts = filename.slice(0, -'.whl'.length).split('-');
  const [distribution = '', versionText = ''] = parts;
  const rest = parts.slice(2);
  const buildMatch = rest.length > 3 ? BUILD.exec(rest[0] ?? '') : null;
  if (buildMatch !== null) rest.shift();
  const [python = '', abi = '', platform = '', variant] = rest;
  const version = parseVersion(versionText.replaceAll('_', '-'));
  const complete = rest.length === 3 || (rest.length === 4 && variant !== '');
  if (!complete || version === undefined || !isValidName(distribution)) return undefined;
  if (![python, abi, platform].every((tags) => TAGS.test(tags))) return undefined;
  return {
    filename,
    name: normalizeName(distribution),
    distribution,
    version,
    versionText,
    ...(buildMatch === null ? {} : { build: { number: Number(buildMatch[1]), suffix: buildMatch[2] ?? '' } }),
    pythonTags: python.split('.'),
    abiTags: abi.split('.'),
    platformTags: platform.split('.'),
    ...(variant === undefined ? {} : { variant }),
  };
}

/** The last segment of the URL's path; a `cogplan:` URL has one too. */
export function wheelFilename({ url }: { readonly url: string }): string {
  const path = url.replace(/[?#].*$/, '');
  return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
}

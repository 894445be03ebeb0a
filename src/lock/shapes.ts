/**
 * How each object of the lock is laid out: its keys in order, the shape of what they hold, and whether it stands on one
 * line. The order is part of the format; a key that is not listed here cannot be written.
 */
export type Shape =
  | { readonly kind: 'plain' }
  | { readonly kind: 'object'; readonly inline: boolean; readonly keys: readonly (readonly [string, Shape])[] }
  | { readonly kind: 'map'; readonly inline: boolean; readonly of: Shape }
  | { readonly kind: 'list'; readonly inline: boolean; readonly of: Shape }
  /** Laid out by the value of its key `kind`. */
  | { readonly kind: 'variants'; readonly of: Readonly<Record<string, Shape>> };

const plain: Shape = { kind: 'plain' };
const object = (...keys: (readonly [string, Shape])[]): Shape => ({ kind: 'object', inline: false, keys });
const line = (...keys: (readonly [string, Shape])[]): Shape => ({ kind: 'object', inline: true, keys });
const map = (of: Shape): Shape => ({ kind: 'map', inline: false, of });
const list = (of: Shape): Shape => ({ kind: 'list', inline: false, of });
const words: Shape = { kind: 'list', inline: true, of: plain };
const pairs: Shape = { kind: 'map', inline: true, of: plain };

const file = line(['url', plain], ['mirrors', words], ['sha256', plain], ['size', plain], ['computed', plain]);

const archive = object(
  ['url', plain],
  ['suite', plain],
  ['component', plain],
  ['date', plain],
  ['validUntil', plain],
  ['signers', words],
  ['inRelease', file],
  ['signature', file],
  ['key', file],
  ['packages', file],
);

const systemPackage = object(
  ['name', plain],
  ['version', plain],
  ['architecture', plain],
  ['group', plain],
  ['file', file],
  ['asked', plain],
  ['depends', words],
  ['recommends', words],
  ['scripts', pairs],
  ['configure', plain],
);

const builtSource = object(
  ['kind', plain],
  ['file', file],
  ['ref', plain],
  ['subdirectory', plain],
  ['version', plain],
);
const builtFrom = (requirement: Shape): Shape =>
  object(['source', builtSource], ['requires', list(requirement)], ['settings', words], ['recipe', plain]);
const buildRequirement = (built: readonly (readonly [string, Shape])[]): Shape =>
  object(['name', plain], ['version', plain], ['file', file], ...built);
/** What something is built with may have been built itself, and that too, but no deeper. */
const built = builtFrom(
  buildRequirement([['built', builtFrom(buildRequirement([['built', builtFrom(buildRequirement([]))]]))]]),
);

const pythonPackage = object(
  ['name', plain],
  ['version', plain],
  ['file', file],
  ['index', plain],
  ['asked', list(plain)],
  ['requires', list(plain)],
  ['built', built],
);

const placedFile = object(
  ['path', plain],
  ['kind', plain],
  ['mode', plain],
  ['asked', plain],
  ['file', file],
  ['text', plain],
  ['target', plain],
  ['unpack', line(['format', plain], ['strip', plain])],
  [
    'git',
    line(['url', plain], ['ref', plain], ['commit', plain], ['tree', plain], ['submodules', plain], ['lfs', plain]),
  ],
  ['from', plain],
  ['order', plain],
);

const step = object(
  ['command', plain],
  ['why', plain],
  ['from', plain],
  ['order', plain],
  ['cwd', plain],
  ['env', map(plain)],
  ['secrets', list(line(['id', plain], ['target', plain]))],
  ['network', plain],
  ['fetched', list(object(['url', plain], ['status', plain], ['headers', pairs], ['file', file]))],
  ['accepted', plain],
);

const imageBase = object(
  ['kind', plain],
  ['image', plain],
  ['tagged', plain],
  ['created', plain],
  ['manifest', file],
  ['config', file],
  ['layers', list(line(['file', file], ['compression', plain], ['diffId', plain], ['size', plain]))],
  [
    'facts',
    line(
      ['distribution', plain],
      ['release', plain],
      ['suite', plain],
      ['glibc', plain],
      ['mergedUsr', plain],
      ['packages', plain],
      ['init', plain],
      ['python', plain],
      ['certificates', plain],
    ),
  ],
  ['env', list(plain)],
  ['why', plain],
);

const base: Shape = {
  kind: 'variants',
  of: { debian: line(['kind', plain], ['suite', plain], ['why', plain]), image: imageBase },
};

const weightSet = object(
  ['name', plain],
  ['target', plain],
  ['place', plain],
  ['sources', list(line(['uri', plain], ['fingerprint', plain], ['include', words], ['exclude', words]))],
  ['setDigest', plain],
  ['files', list(line(['path', plain], ['file', file]))],
);

const target = object(
  ['base', base],
  [
    'interpreter',
    object(
      ['version', plain],
      ['provider', plain],
      ['build', plain],
      ['file', file],
      ['path', plain],
      ['modules', plain],
      ['why', plain],
    ),
  ],
  [
    'accelerator',
    object(
      ['cuda', plain],
      ['cudnn', plain],
      ['provider', plain],
      ['why', plain],
      ['from', line(['cuda', plain], ['cudnn', plain])],
      ['architectures', list(plain)],
      ['ptx', plain],
      ['minimumDriver', plain],
      ['table', line(['date', plain], ['sha256', plain])],
    ),
  ],
  ['system', object(['archives', list(archive)], ['packages', list(systemPackage)])],
  ['toolchain', object(['packages', list(systemPackage)])],
  ['python', object(['indexes', list(plain)], ['packages', list(pythonPackage)])],
  ['files', list(placedFile)],
  ['weights', list(weightSet)],
  ['steps', list(step)],
  ['runtime', object(['sdk', pythonPackage], ['server', list(pythonPackage)])],
  [
    'image',
    object(
      ['env', list(plain)],
      ['entrypoint', words],
      ['cmd', words],
      ['workdir', plain],
      ['user', plain],
      ['ports', words],
      ['labels', map(plain)],
    ),
  ],
  ['seals', list(line(['layer', plain], ['family', plain], ['recipe', plain], ['diffId', plain], ['size', plain]))],
);

/** The lock file as a whole. */
export const LOCK_SHAPE: Shape = object(
  ['lockVersion', plain],
  ['assembler', plain],
  ['writtenBy', plain],
  ['asOf', plain],
  ['asked', map(map(plain))],
  ['holds', list(line(['subject', plain], ['reason', plain], ['since', plain], ['until', plain]))],
  ['tools', list(object(['name', plain], ['version', plain], ['host', plain], ['file', file]))],
  ['targets', map(target)],
);

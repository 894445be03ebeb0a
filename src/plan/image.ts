import { canonicalJson, compareBytes, type Json } from '../canonical.ts';
import { CogplanError } from '../errors.ts';
import { hubHomeOf } from '../formats/weights/hub-uri.ts';
import type { Image, Target } from '../lock/schema.generated.ts';
import type { Spec } from '../spec/spec.ts';

/** Cog's label vocabulary that this image speaks; readers of Cog images look for these. */
const COG_VERSION_LABEL = 'run.cog.version';

/**
 * The image's configuration, as Cog's own images have it: server on port 5000 under an init process, the project at /src,
 * the model named by Cog's variables. User variables come last, in byte-wise order.
 */
export function imageOf(spec: Spec, sdkVersion: string, on: Pick<Target, 'base' | 'interpreter' | 'system'>): Image {
  const model: string[] = [];
  if (spec.predict !== undefined) model.push(`COG_PREDICT_TYPE_STUB=${spec.predict.file}:${spec.predict.name}`);
  if (spec.train !== undefined) model.push(`COG_TRAIN_TYPE_STUB=${spec.train.file}:${spec.train.name}`);
  if (spec.concurrency !== undefined) model.push(`COG_MAX_CONCURRENCY=${spec.concurrency.max}`);
  const gpu = spec.gpu
    ? [
        'LD_LIBRARY_PATH=/usr/local/nvidia/lib64:/usr/local/nvidia/bin',
        'NVIDIA_DRIVER_CAPABILITIES=all',
        'NVIDIA_VISIBLE_DEVICES=all',
      ]
    : [];
  const { base } = on;
  const own = [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'DEBIAN_FRONTEND=noninteractive',
    'LANG=C.UTF-8',
    'PYTHONUNBUFFERED=1',
    ...gpu.filter((entry) => !setByBase(on.base, entry)),
    ...certificatesOf(spec, on),
    ...model,
    ...hubEnvironment(spec),
    ...fetchedEnvironment(spec),
    ...spec.environment.map(({ name, value }) => `${name}=${value}`),
  ];
  const init = base.kind === 'image' ? base.facts.init : '/sbin/tini';
  return {
    env:
      base.kind === 'image'
        ? onBaseEnvironment(base.env, own, on.interpreter.provider === 'standalone' ? ['/usr/local/bin'] : [])
        : own,
    entrypoint: init === undefined ? [] : [init, '--'],
    // A base may have a `python` of another version.
    cmd: [base.kind === 'image' ? on.interpreter.path : 'python', '-m', 'cog.server.http'],
    workdir: '/src',
    user: '',
    ports: ['5000/tcp'],
    labels: {
      [COG_VERSION_LABEL]: sdkVersion,
      'run.cog.config': canonicalJson(spec.config as Json),
      'run.cog.has_init': String(init !== undefined),
    },
  };
}

/**
 * Where the Hugging Face libraries find the repositories that are laid out for them, and that they take those rather than ask for newer ones.
 * What the project says itself of either counts.
 */
function hubEnvironment({ weights, environment }: Spec): readonly string[] {
  const sets = weights.filter(({ layout }) => layout !== undefined);
  if (sets.length === 0) return [];
  const [home] = sets.flatMap(({ target }) => hubHomeOf(target) ?? []);
  return [...(home === undefined ? [] : [`HF_HOME=${home}`]), 'HF_HUB_OFFLINE=1'].filter((entry) =>
    environment.every(({ name }) => !entry.startsWith(`${name}=`)),
  );
}

/** Variable that tells the runtime what it answers for: a JSON object with the paths where the bytes of each address lie. */
const FETCHED = 'COGPLAN_FETCHED';
/** No string of a process's environment may be longer on Linux: MAX_ARG_STRLEN, with its name and the byte that ends it. */
const LONGEST_VARIABLE = 128 * 1024;

function fetchedEnvironment({ settings, environment }: Spec): readonly string[] {
  const answers = new Map<string, string[]>();
  for (const { url, path, answers: program } of settings.values.files ?? [])
    if (program !== undefined) answers.set(url, [...(answers.get(url) ?? []), path]);
  if (answers.size === 0 || environment.some(({ name }) => name === FETCHED)) return [];
  const paths = [...answers].map(([url, all]) => [url, [...new Set(all)].sort(compareBytes)] as const);
  const entry = `${FETCHED}=${canonicalJson(Object.fromEntries(paths) as Json)}`;
  if (Buffer.byteLength(entry) >= LONGEST_VARIABLE)
    throw new CogplanError('COGPLAN_SETTINGS_INVALID', 'more addresses are to be answered than a variable can name', {
      subject: 'files',
      where: settings.where(['files', 0]),
      hint: 'Leave `answers` out for some, where the code leaves a file alone that is there.',
    });
  return [entry];
}

/** A standalone interpreter looks for certificates where those of the machine that made it were. What the base or the project says counts. */
function certificatesOf(
  { environment }: Spec,
  { base, interpreter, system }: Pick<Target, 'base' | 'interpreter' | 'system'>,
): readonly string[] {
  if (base.kind !== 'image' || interpreter.provider !== 'standalone') return [];
  const isSet = [...base.env, ...environment.map(({ name }) => `${name}=`)].some((entry) =>
    /^SSL_CERT_(?:FILE|DIR)=/.test(entry),
  );
  const added = system.packages.some(({ name }) => name === 'ca-certificates');
  const bundle = base.facts.certificates ?? (added ? '/etc/ssl/certs/ca-certificates.crt' : undefined);
  return isSet || bundle === undefined ? [] : [`SSL_CERT_FILE=${bundle}`];
}

/** What a base says of its own GPU libraries knows better. */
function setByBase(base: Target['base'], entry: string): boolean {
  const start = entry.slice(0, entry.indexOf('=') + 1);
  return base.kind === 'image' && base.env.some((own) => own.startsWith(start));
}

/** Variables of the base first, without those that are set anew; its programs keep their place on the PATH, behind `first`. */
function onBaseEnvironment(base: readonly string[], own: readonly string[], first: readonly string[]): string[] {
  const name = (entry: string): string => entry.slice(0, entry.indexOf('='));
  const value = (entry: string | undefined): readonly string[] => entry?.slice(entry.indexOf('=') + 1).split(':') ?? [];
  const basePath = value(base.find((entry) => name(entry) === 'PATH'));
  const ownPath = value(own.find((entry) => name(entry) === 'PATH'));
  const path = `PATH=${[...new Set([...first, ...basePath, ...ownPath])].join(':')}`;
  const kept = own.map((entry) => (name(entry) === 'PATH' ? path : entry));
  const set = new Set(own.map(name));
  return [...base.filter((entry) => !set.has(name(entry))), ...kept];
}

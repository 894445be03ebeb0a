import { notRead, type Rule, splitOptions } from '../run-state.ts';

const VALUES = [
  '--local-dir',
  '--revision',
  '--include',
  '--exclude',
  '--repo-type',
  '--cache-dir',
  '--token',
  '--local-dir-use-symlinks',
  '--max-workers',
];

/** `huggingface-cli download OWNER/MODEL` and `hf download`. */
export const hub: Rule = (state, { words }) => {
  const [verb, ...rest] = words.map((word) => state.concrete(word));
  if (verb === 'login' || verb === 'auth')
    return { class: 'none', why: 'HF_TOKEN is asked for when the lock is made, and no image holds it' };
  if (verb !== 'download') return notRead(`the hub's command line: ${verb ?? ''}`.trim());
  const { unknown, values, operands } = splitOptions(
    rest,
    ['--quiet', '--resume-download', '--force-download'],
    VALUES,
  );
  const [model, ...files] = operands;
  if (unknown !== undefined || model === undefined || !/^[\w.-]+\/[\w.-]+$/.test(model))
    return notRead(`a download with ${unknown ?? 'odd operands'}`);
  const type = values.get('--repo-type')?.at(-1) ?? 'model';
  if (values.has('--token') || !['model', 'dataset'].includes(type))
    return notRead('a download with a token, or of a space');
  if (values.has('--cache-dir')) return notRead('a download into a cache of its own');
  const include = [...files.map((file) => `/${file}`), ...(values.get('--include') ?? [])];
  const exclude = values.get('--exclude') ?? [];
  if ([...include, ...exclude].some((pattern) => /[!\\]/.test(pattern))) return notRead('a download by odd patterns');
  if (files.length > 0 && values.has('--include')) return notRead('a download of files and by patterns');
  const repository = type === 'dataset' ? `datasets/${model}` : model;
  const directory = values.get('--local-dir')?.at(-1);
  const revision = values.get('--revision')?.at(-1);
  const path =
    directory === undefined
      ? `/root/.cache/huggingface/hub/${type}s--${model.replaceAll('/', '--')}`
      : state.resolve(directory);
  const { from, where } = state;
  state.weights.push({
    uri: `hf://${repository}${revision === undefined ? '' : `@${revision}`}`,
    path,
    include,
    exclude,
    from,
    where,
  });
  return { class: 'weights', why: `weights hf://${repository}, placed at ${path}` };
};

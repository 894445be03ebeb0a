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
  const [verb, ...rest] = words;
  if (verb !== 'download') return notRead(`the hub's command line: ${verb ?? ''}`.trim());
  const { unknown, values, operands } = splitOptions(
    rest,
    ['--quiet', '--resume-download', '--force-download'],
    VALUES,
  );
  const [model, ...files] = operands;
  if (unknown !== undefined || model === undefined || !/^[\w.-]+\/[\w.-]+$/.test(model))
    return notRead(`a download with ${unknown ?? 'odd operands'}`);
  if (values.has('--token') || values.has('--repo-type') || files.length > 0)
    return notRead('a download of parts, of data, or with a token');
  if (values.has('--include') || values.has('--exclude') || values.has('--cache-dir'))
    return notRead('a download by patterns');
  const directory = values.get('--local-dir')?.at(-1);
  const revision = values.get('--revision')?.at(-1);
  const path =
    directory === undefined
      ? `/root/.cache/huggingface/hub/models--${model.replaceAll('/', '--')}`
      : state.resolve(directory);
  const { from, where } = state;
  state.weights.push({ uri: `hf://${model}${revision === undefined ? '' : `@${revision}`}`, path, from, where });
  return { class: 'weights', why: `weights hf://${model}, placed at ${path}` };
};

import { notRead, type Rule } from '../run-state.ts';
import { writeText } from './files.ts';

/** Commands that only print, or change nothing that lasts. */
export const prints: Rule = (_, { name, output }) =>
  output === undefined ? { class: 'none', why: `${name} only prints` } : notRead('its output goes to a file');

export const nothing: Rule = (state, { output }) =>
  output === undefined
    ? { class: 'none', why: 'it does nothing that lasts' }
    : writeText(state, { path: state.resolve(output.path), text: '', append: output.append });

/** Commands that only print what they find, and fail where they find nothing. */
export const asks: Rule = (state, invocation) => {
  const outcome = prints(state, invocation);
  if (outcome.class === 'step') return outcome;
  const isSure = invocation.words.length === 0 && ['id', 'printenv', 'ls', 'du'].includes(invocation.name);
  return isSure ? outcome : { ...outcome, status: 'unknown' };
};

/** `set -eux`, which changes nothing of what is read. */
export const setOptions: Rule = (_, { words, output }) => {
  if (output !== undefined) return notRead('its output goes to a file');
  const others = words.filter(
    (word) => !/^[-+][euxv]*o?$/.test(word) && !/^(?:pipefail|errexit|nounset|xtrace)$/.test(word),
  );
  return others.length === 0 && words.length > 0
    ? { class: 'none', why: 'it does nothing that lasts' }
    : notRead('set with other options');
};

/** `nvcc --version`, `python --version`. */
export const versionOnly: Rule = (state, invocation) =>
  invocation.words.length === 1 && /^(?:--version|-version|-V|-v|version)$/.test(invocation.words[0] ?? '')
    ? asks(state, invocation)
    : notRead(`${invocation.name} is a program to run`);

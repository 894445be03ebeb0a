import { notRead, type Rule } from '../run-state.ts';

/** Commands that only print, or change nothing that lasts. */
export const prints: Rule = (_, { name, output }) =>
  output === undefined ? { class: 'none', why: `${name} only prints` } : notRead('its output goes to a file');

export const nothing: Rule = () => ({ class: 'none', why: 'it does nothing that lasts' });

/** `nvcc --version`, `python --version`. */
export const versionOnly: Rule = (state, invocation) =>
  invocation.words.length === 1 && /^(?:--version|-version|-V|-v|version)$/.test(invocation.words[0] ?? '')
    ? prints(state, invocation)
    : notRead(`${invocation.name} is a program to run`);

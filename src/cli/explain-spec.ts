import type { Where } from '../errors.ts';
import { type ExplainedSpec, explainSpec } from '../spec/explain-spec.ts';
import type { Spec } from '../spec/spec.ts';
import { print, printJson } from './session.ts';

/** Prints what a project's files were understood to say. */
export function printExplainedSpec(spec: Spec, { json }: { readonly json: boolean }): void {
  const explained = explainSpec(spec);
  if (json) printJson(explained);
  else print(explainedText(explained).join('\n'));
}

function explainedText({ values, notices }: ExplainedSpec): readonly string[] {
  const rows = values.map(({ key, value, meaning, where }) => ({
    place: placeOf(where),
    text: `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}${meaning === undefined ? '' : ` (${meaning})`}`,
  }));
  const width = Math.max(...rows.map(({ place }) => place.length));
  const told = notices.map(({ where, text }) => `${placeOf(where)}: ${text}`);
  return [
    ...rows.map(({ place, text }) => `${place.padEnd(width)}  ${text}`),
    ...(told.length === 0 ? [] : ['', ...told]),
  ];
}

function placeOf({ file, line }: Where): string {
  return line === undefined ? file : `${file}:${line}`;
}

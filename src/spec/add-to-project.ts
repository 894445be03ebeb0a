import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { CogplanError } from '../errors.ts';

export interface FileAddition {
  readonly url: string;
  readonly path: string;
  readonly sha256?: string;
  readonly mode?: string;
  readonly unpack?: true;
  readonly answers?: 'pget';
}

/** The text of cogplan.yaml with one file more; comments and order stay. An entry for the same path is replaced. */
export function addFile(text: string, file: FileAddition): string {
  return withItem(text, ['files'], file, (item) => isMap(item) && item.get('path') === file.path);
}

export interface WeightsAddition {
  readonly name?: string;
  readonly source: string;
  readonly target: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly place?: 'startup';
  readonly layout?: 'hub-cache';
}

/** The text of cogplan.yaml with one set of weights more; comments and order stay. An entry for the same target is replaced. */
export function addWeights(text: string, weights: WeightsAddition): string {
  return withItem(text, ['weights'], weights, (item) => isMap(item) && item.get('target') === weights.target);
}

/** The text of cogplan.yaml that keeps large files of the project in layers of their own. */
export function setSeparateWeights(text: string): string {
  const document = open(text);
  if (document.get('separate_weights') === true) return text;
  document.set('separate_weights', true);
  return document.toString({ lineWidth: 0 });
}

/** The text of cog.yaml with one name more in a list of `build`; a name that is there already stays as it is. */
export function addToBuild(text: string, key: 'system_packages' | 'python_packages', name: string): string {
  return withItem(text, ['build', key], name, (item) => isScalar(item) && item.value === name);
}

/** The text of cog.yaml with `build.python_requirements`. */
export function setRequirementsFile(text: string, file: string): string {
  const document = open(text);
  document.setIn(['build', 'python_requirements'], file);
  return document.toString({ lineWidth: 0 });
}

/** The text of a requirements file with one line more. */
export function addRequirement(text: string, requirement: string): string {
  if (text.split(/\r?\n/).some((line) => line.trim() === requirement)) return text;
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${requirement}\n`;
}

function withItem(text: string, path: readonly string[], value: unknown, isSame: (item: unknown) => boolean): string {
  const document = open(text);
  const list = document.getIn(path);
  if (list === undefined || list === null) {
    document.setIn(path, [value]);
  } else if (isSeq(list)) {
    const index = list.items.findIndex(isSame);
    if (index < 0) document.addIn(path, value);
    else document.setIn([...path, index], value);
  } else {
    throw new CogplanError('COGPLAN_SPEC_TYPE', `${path.join('.')} is not a list`, { subject: path.join('.') });
  }
  return document.toString({ lineWidth: 0 });
}

function open(text: string): ReturnType<typeof parseDocument> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw new CogplanError('COGPLAN_SPEC_SYNTAX', error.message, { cause: error });
  return document;
}

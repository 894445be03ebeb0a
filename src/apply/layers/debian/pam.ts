import { compareBytes } from '../../../canonical.ts';
import type { ConfiguredTree } from './configured-tree.ts';

interface Profile {
  readonly name: string;
  readonly fields: ReadonlyMap<string, string>;
}

type Block = 'Primary' | 'Additional';

/** The files of /etc/pam.d that include-lines of services name, and the field of a profile that each is made of. */
const TYPES = [
  ['auth', 'Auth', false],
  ['account', 'Account', false],
  ['password', 'Password', false],
  ['session', 'Session', false],
  ['session-noninteractive', 'Session', true],
] as const;

/** What a stack begins with when no profile has a primary module. */
const NO_MODULE = '[default=1]\t\t\tpam_permit.so';

/**
 * `/etc/pam.d/common-*` of the profiles that are on by default, and the state that pam-auth-update(8) compares with later, as
 * a first `pam-auth-update --package --force` writes them.
 */
export function writePamConfiguration(tree: ConfiguredTree): void {
  const profiles = tree.list('/usr/share/pam-configs').map((name) => ({
    name,
    fields: parseProfile(tree.readText(`/usr/share/pam-configs/${name}`) ?? ''),
  }));
  if (profiles.length === 0) return;
  const enabled = profiles
    .filter(({ fields }) => fields.get('Default') === 'yes')
    .sort((a, b) => priority(b) - priority(a) || compareBytes(b.name, a.name));
  for (const [type, field, noninteractive] of TYPES) {
    const template = tree.readText(`/usr/share/pam/common-${type}`);
    if (template === undefined) continue;
    const stack = enabled.filter(({ fields }) => !noninteractive || fields.get('Session-Interactive-Only') !== 'yes');
    tree.generate(`/etc/pam.d/common-${type}`, fillTemplate(template, { type, field, stack }));
    tree.generate(`/var/lib/pam/${type}`, stateOf(field, stack));
  }
  const seen = [...profiles].sort((a, b) => priority(b) - priority(a) || compareBytes(b.name, a.name));
  tree.generate('/var/lib/pam/seen', seen.map(({ name }) => `${name}\n`).join(''));
}

function priority({ fields }: Profile): number {
  return Number(fields.get('Priority') ?? '0') || 0;
}

function parseProfile(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z-]+):[ \t]*(.*)$/.exec(line);
    if (match !== null) {
      last = match[1] ?? '';
      fields.set(last, match[2] ?? '');
    } else if (/^[ \t]+\S/.test(line) && last !== '') {
      const before = fields.get(last) ?? '';
      fields.set(last, `${before}${before === '' ? '' : '\n'}${line.replace(/^[ \t]+/, '')}`);
    }
  }
  return fields;
}

interface Stack {
  readonly type: string;
  readonly field: string;
  readonly stack: readonly Profile[];
}

function fillTemplate(template: string, { type, field, stack }: Stack): string {
  const word = type.replace(/-noninteractive$/, '');
  const lines: string[] = [];
  for (const line of template.split('\n')) {
    const block = /^\$\w+_(primary|additional)$/.exec(line)?.[1];
    if (block === undefined) lines.push(line);
    else
      for (const module of blockLines(field, stack, block === 'primary' ? 'Primary' : 'Additional'))
        lines.push(`${word}\t${module}`);
  }
  return lines.join('\n');
}

/** Modules of a block, with `end` turned into the number of modules of the block to jump over. */
function blockLines(field: string, stack: readonly Profile[], block: Block): readonly string[] {
  const modules = modulesOf(field, stack, block).flatMap(({ lines }) => lines);
  if (modules.length === 0) return block === 'Primary' ? [NO_MODULE] : [];
  return modules.map((line, index) => {
    // pam-auth-update puts a blank between a module and its arguments even where there are none.
    const padded = /^(?:\[[^\]]*\]|\S+)\s+\S+$/.test(line) ? `${line} ` : line;
    return padded.replace(/\bend\b(?=[^\]]*\])/g, String(modules.length - index));
  });
}

function modulesOf(field: string, stack: readonly Profile[], block: Block) {
  let initial = true;
  return stack.flatMap(({ name, fields }) => {
    if (fields.get(`${field}-Type`) !== block) return [];
    const text = (initial ? fields.get(`${field}-Initial`) : undefined) ?? fields.get(field);
    if (text === undefined) return [];
    initial = false;
    return [{ name, lines: text.split('\n') }];
  });
}

function stateOf(field: string, stack: readonly Profile[]): string {
  const primary = modulesOf(field, stack, 'Primary');
  const parts = primary.length > 0 ? [] : [`Module: null\n${NO_MODULE}\n`];
  for (const { name, lines } of [...primary, ...modulesOf(field, stack, 'Additional')]) {
    parts.push(`Module: ${name}\n${lines.map((line) => `${line}\n`).join('')}`);
  }
  return parts.join('');
}

import type { Accounts } from './accounts.ts';
import type { ConfiguredTree } from './configured-tree.ts';

const DIRECTORY = '/usr/lib/sysusers.d';

/** Accounts that sysusers.d(5) files declare, for the files that packages name, or all of them. */
export function applySysusers(tree: ConfiguredTree, accounts: Accounts, files: readonly string[]): void {
  for (const name of files.length > 0 ? files : tree.list(DIRECTORY)) {
    const text = tree.readText(name.startsWith('/') ? name : `${DIRECTORY}/${name}`);
    for (const line of (text ?? '').split('\n')) applyLine(line, accounts);
  }
}

function applyLine(line: string, accounts: Accounts): void {
  const [type = '', name = '', id = '-', gecos = '-', home = '-', shell = '-'] = splitFields(line);
  const number = /^\d+$/.test(id) ? Number(id) : undefined;
  if (type === 'g') accounts.addGroup(name, number);
  if (type === 'm') accounts.addMember(name, id);
  if (type !== 'u' && type !== 'u!') return;
  const [uid = '', group] = id.split(':');
  if (group === undefined) accounts.addGroup(name, number);
  accounts.addUser({
    name,
    uid: /^\d+$/.test(uid) ? Number(uid) : undefined,
    group: group ?? name,
    home: home === '-' ? '/' : home,
    shell: shell === '-' ? '/usr/sbin/nologin' : shell,
    gecos: gecos === '-' ? '' : gecos,
  });
}

function splitFields(line: string): readonly string[] {
  if (/^\s*(?:#|$)/.test(line)) return [];
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

import { CogplanError } from '../../../errors.ts';
import { ACCOUNT_IDS, FIRST_FREE_ID } from './account-ids.ts';
import type { ConfiguredTree } from './configured-tree.ts';

interface User {
  readonly name: string;
  readonly uid: number | undefined;
  readonly group: string | undefined;
  readonly home: string;
  readonly shell: string;
  readonly gecos: string;
}

/** Days since the epoch of the one time that images know; passwd(5) counts from 1970-01-01. */
const LAST_CHANGE = 3652;

/**
 * `/etc/passwd` and `/etc/group` of a tree. System accounts get the id from a fixed table, or the first free one above it, so
 * ids hang on which packages are there and not on the order in which they are installed.
 */
export class Accounts {
  readonly #tree: ConfiguredTree;

  constructor(tree: ConfiguredTree) {
    this.#tree = tree;
  }

  findUser(name: string): number | undefined {
    return this.#find('/etc/passwd', name);
  }

  findGroup(name: string): number | undefined {
    return this.#find('/etc/group', name);
  }

  /** `user`, `user:group`, `:group`; names or numbers. */
  resolveOwner(owner: string): { readonly uid: number | undefined; readonly gid: number | undefined } {
    const [user = '', group = ''] = owner.replace('.', ':').split(':');
    return {
      uid: user === '' ? undefined : this.#id(user, this.findUser(user)),
      gid: group === '' ? undefined : this.#id(group, this.findGroup(group)),
    };
  }

  addGroup(name: string, gid: number | undefined): void {
    if (this.findGroup(name) !== undefined) return;
    const id = gid ?? ACCOUNT_IDS.get(name) ?? this.#freeId();
    this.#tree.append('/etc/group', `${name}:x:${id}:\n`);
  }

  addUser(user: User): void {
    if (this.findUser(user.name) !== undefined) return;
    const uid = user.uid ?? ACCOUNT_IDS.get(user.name) ?? this.findGroup(user.name) ?? this.#freeId();
    const gid = this.#id(user.group ?? 'nogroup', this.findGroup(user.group ?? 'nogroup'));
    this.#tree.append('/etc/passwd', `${user.name}:x:${uid}:${gid}:${user.gecos}:${user.home}:${user.shell}\n`);
  }

  addMember(user: string, group: string): void {
    const text = this.#tree.readText('/etc/group') ?? '';
    const lines = text.split('\n').map((line) => {
      const [name, password, gid, members = ''] = line.split(':');
      if (name !== group || members.split(',').includes(user)) return line;
      return [name, password, gid, members === '' ? user : `${members},${user}`].join(':');
    });
    this.#tree.write('/etc/group', lines.join('\n'));
  }

  /** Moves passwords out of the world-readable files, as `shadowconfig on` does: every account is locked. */
  shadow(): void {
    const shadow = this.#id('shadow', this.findGroup('shadow'));
    const users = this.#lines('/etc/passwd');
    const groups = this.#lines('/etc/group');
    this.#tree.write('/etc/passwd', users.map((fields) => `${withPassword(fields, 'x').join(':')}\n`).join(''));
    this.#tree.write('/etc/group', groups.map((fields) => `${withPassword(fields, 'x').join(':')}\n`).join(''));
    // base-passwd's accounts have `*` and the defaults of login.defs; those that packages add are made without either.
    const userLines = users.map(([name, password]) => {
      return password === '*'
        ? `${name ?? ''}:*:${LAST_CHANGE}:0:99999:7:::\n`
        : `${name ?? ''}:!:${LAST_CHANGE}::::::\n`;
    });
    const groupLines = groups.map(([name, _password, _gid, members]) => `${name ?? ''}:*::${members ?? ''}\n`);
    this.#tree.write('/etc/shadow', userLines.join(''), { mode: 0o640, gid: shadow });
    this.#tree.write('/etc/gshadow', groupLines.join(''), { mode: 0o640, gid: shadow });
  }

  /** Lines for accounts that the files of hidden passwords lack, where there are such files: their accounts are locked. */
  extendShadow(): void {
    const extend = (from: string, to: string, line: (fields: readonly string[]) => string): void => {
      if (this.#tree.getTarget(to)?.type !== 'file') return;
      const known = new Set(this.#lines(to).map(([name]) => name));
      const missing = this.#lines(from).filter(([name]) => !known.has(name ?? ''));
      if (missing.length > 0) this.#tree.append(to, missing.map(line).join(''));
    };
    extend('/etc/passwd', '/etc/shadow', ([name]) => `${name ?? ''}:!:${LAST_CHANGE}::::::\n`);
    extend('/etc/group', '/etc/gshadow', ([name, , , members]) => `${name ?? ''}:!::${members ?? ''}\n`);
  }

  #lines(path: string): readonly (readonly string[])[] {
    const text = this.#tree.readText(path) ?? '';
    return text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(':')]));
  }

  #find(path: string, name: string): number | undefined {
    const id = this.#lines(path).find(([first]) => first === name)?.[2];
    return id !== undefined && /^\d{1,9}$/.test(id) ? Number(id) : undefined;
  }

  #id(name: string, found: number | undefined): number {
    if (/^\d{1,9}$/.test(name)) return Number(name);
    if (found !== undefined) return found;
    throw new CogplanError('COGPLAN_DEB_EFFECT', `${this.#tree.origin}: there is no account ${name}`, {
      subject: name,
      hint: 'A package uses an account that none of the packages makes.',
    });
  }

  #freeId(): number {
    const taken = new Set(
      [...this.#lines('/etc/passwd'), ...this.#lines('/etc/group')].map((fields) => Number(fields[2])),
    );
    let id = FIRST_FREE_ID;
    while (taken.has(id)) id++;
    return id;
  }
}

function withPassword(fields: readonly string[], password: string): readonly string[] {
  return fields.map((field, index) => (index === 1 ? password : field));
}

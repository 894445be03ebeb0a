import { type Command, parseOptions, type Shell } from '../shell.ts';

const NAME = /^[a-z_][-a-zA-Z0-9_.]*\$?$/;

/** adduser(8) of Debian: only system accounts, as packages make them. */
const adduser: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, {
    flags: [
      '--system',
      '--group',
      '--no-create-home',
      '--disabled-password',
      '--disabled-login',
      '--quiet',
      '--force-badname',
      '--allow-bad-names',
      '--allow-badname',
      '--verbose',
      '-q',
    ],
    valued: ['--home', '--shell', '--uid', '--gid', '--ingroup', '--gecos', '--comment'],
  });
  const [name, group, ...others] = operands;
  if (name === undefined || !NAME.test(name) || others.length > 0)
    return shell.fail('an account that is not understood');
  if (group !== undefined) {
    shell.emit({ kind: 'member', user: name, group });
    return true;
  }
  const last = (option: string) => options.get(option)?.at(-1);
  if (!options.has('--system')) {
    if (options.has('--group'))
      return addgroup(
        shell,
        words.filter((word) => word !== '--group'),
      );
    return shell.fail('an account for a person');
  }
  const uid = number(last('--uid'));
  if (options.has('--group')) shell.emit({ kind: 'group', name, gid: number(last('--gid')) });
  shell.emit({
    kind: 'user',
    name,
    uid,
    group: options.has('--group') ? name : (last('--ingroup') ?? last('--gid')),
    home: last('--home') ?? '/nonexistent',
    createHome: last('--home') !== undefined && last('--home') !== '/nonexistent' && !options.has('--no-create-home'),
    shell: last('--shell') ?? '/usr/sbin/nologin',
    gecos: last('--gecos') ?? last('--comment') ?? '',
  });
  return true;
};

const addgroup: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, {
    flags: ['--system', '--quiet', '--force-badname', '--allow-bad-names', '-q'],
    valued: ['--gid'],
  });
  const [name, ...others] = operands;
  if (name === undefined || !NAME.test(name) || others.length > 0) return shell.fail('a group that is not understood');
  shell.emit({ kind: 'group', name, gid: number(options.get('--gid')?.at(-1)) });
  return true;
};

const groupadd: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, {
    flags: ['-r', '--system', '-f', '--force'],
    valued: ['-g', '--gid'],
  });
  const [name, ...others] = operands;
  if (name === undefined || !NAME.test(name) || others.length > 0) return shell.fail('a group that is not understood');
  shell.emit({ kind: 'group', name, gid: number((options.get('-g') ?? options.get('--gid'))?.at(-1)) });
  return true;
};

const useradd: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, {
    flags: [
      '-r',
      '--system',
      '-M',
      '--no-create-home',
      '-N',
      '--no-user-group',
      '-m',
      '--create-home',
      '-U',
      '--user-group',
    ],
    valued: ['-u', '--uid', '-g', '--gid', '-d', '--home-dir', '--home', '-s', '--shell', '-c', '--comment'],
  });
  const [name, ...others] = operands;
  if (name === undefined || !NAME.test(name) || others.length > 0)
    return shell.fail('an account that is not understood');
  const last = (...names: readonly string[]) => names.flatMap((option) => options.get(option) ?? []).at(-1);
  const group = last('-g', '--gid');
  if (group === undefined) shell.emit({ kind: 'group', name, gid: undefined });
  const home = last('-d', '--home-dir', '--home');
  shell.emit({
    kind: 'user',
    name,
    uid: number(last('-u', '--uid')),
    group: group ?? name,
    home: home ?? `/home/${name}`,
    createHome: options.has('-m') || options.has('--create-home'),
    shell: last('-s', '--shell') ?? '/bin/sh',
    gecos: last('-c', '--comment') ?? '',
  });
  return true;
};

/** Only what adds a member to a group. */
const gpasswd: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, { flags: [], valued: ['-a', '--add'] });
  const user = (options.get('-a') ?? options.get('--add'))?.at(-1);
  return addMember(shell, user, operands);
};

const usermod: Command = (shell, words) => {
  const { options, operands } = parseOptions(shell, words, {
    flags: ['-a', '--append'],
    valued: ['-G', '--groups'],
  });
  const groups = (options.get('-G') ?? options.get('--groups'))?.at(-1);
  if (groups === undefined || (!options.has('-a') && !options.has('--append')) || operands.length !== 1)
    return shell.fail('an account is changed');
  for (const group of groups.split(',')) addMember(shell, operands[0], [group]);
  return true;
};

function addMember(shell: Shell, user: string | undefined, [group, ...others]: readonly string[]): true {
  if (user === undefined || group === undefined || others.length > 0 || !NAME.test(user) || !NAME.test(group))
    return shell.fail('a group is changed');
  shell.emit({ kind: 'member', user, group });
  return true;
}

const sysusers: Command = (shell, words) => {
  const { operands } = parseOptions(shell, words, { flags: [], valued: ['--root'] });
  shell.emit({ kind: 'generate', what: 'sysusers', arguments: operands });
  return true;
};

const shadowconfig: Command = (shell, [state]) => {
  if (state !== 'on') return shell.fail('shadow passwords turned off');
  shell.emit({ kind: 'generate', what: 'shadow', arguments: [] });
  return true;
};

export const ACCOUNT_COMMANDS: Readonly<Record<string, Command>> = {
  addgroup,
  adduser,
  gpasswd,
  groupadd,
  shadowconfig,
  'systemd-sysusers': sysusers,
  useradd,
  usermod,
};

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

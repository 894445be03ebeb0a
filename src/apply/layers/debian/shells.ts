import type { ConfiguredTree } from './configured-tree.ts';

const REGISTERED = '/usr/share/debianutils';

/**
 * `/etc/shells` and the state of update-shells(8): what is there, the shells that packages register, each also under its real
 * path, and then those that scripts add by add-shell(8).
 */
export function writeShells(tree: ConfiguredTree, added: readonly string[]): void {
  const files = [
    `${REGISTERED}/shells`,
    ...tree.list(`${REGISTERED}/shells.d`).map((name) => `${REGISTERED}/shells.d/${name}`),
  ];
  const registers = tree.getTarget('/usr/sbin/update-shells') !== undefined;
  const registered = registers ? files.flatMap((file) => withRealPaths(tree, shellsOf(tree.readText(file)))) : [];
  const text = tree.readText('/etc/shells') ?? '# /etc/shells: valid login shells\n';
  const there = new Set(shellsOf(text));
  const known = new Set([...there, ...registered]);
  const missing = [
    // What two packages register, or one under both of its paths, update-shells writes twice.
    ...registered.filter((shell) => !there.has(shell)),
    ...unique(withRealPaths(tree, added)).filter((shell) => !known.has(shell)),
  ];
  tree.generate('/etc/shells', linesOf(text, missing));
  if (registers) tree.generate('/var/lib/shells.state', linesOf('', registered));
}

function linesOf(text: string, shells: readonly string[]): string {
  return text + shells.map((shell) => `${shell}\n`).join('');
}

function shellsOf(text: string | undefined): readonly string[] {
  return (text ?? '').split('\n').flatMap((line) => {
    const shell = line.replace(/#.*$/, '').trim();
    return shell === '' ? [] : [shell];
  });
}

function withRealPaths(tree: ConfiguredTree, shells: readonly string[]): readonly string[] {
  return shells.flatMap((shell) => {
    const slash = shell.lastIndexOf('/');
    const real = `/${tree.resolve(shell.slice(0, slash), true)}${shell.slice(slash)}`;
    return real === shell ? [shell] : [shell, real];
  });
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

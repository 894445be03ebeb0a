const WORD = String.raw`[A-Za-z0-9][\w.+-]*`;
const COMMANDS = new Set(
  'apt apt-get aptitude bash cd chmod conda cp curl echo export git huggingface-cli ln mamba mkdir mv npm pip pip3 poetry python python3 rm sed sh source sudo tar touch unzip uv wget'.split(
    ' ',
  ),
);

const WITH_VALUE = new Set([
  '-c',
  '-e',
  '-f',
  '-i',
  '-r',
  '-t',
  '--extra-index-url',
  '--find-links',
  '--index-url',
  '--target',
  '--trusted-host',
]);

/** What `pip install …` names, without options and quotes; undefined for another command. */
export function installedPackages(line: string): readonly string[] | undefined {
  const text = line.replace(/^(?:\$\s+|[!%])/, '').replace(/^sudo\s+/, '');
  const install = /^(?:(?:python[\d.]*|uv) (?:-m )?)?pip[\d.]* install\s+(.+)$/.exec(text);
  if (install === null) return undefined;
  const words = (install[1] ?? '').split(/\s+/);
  return words.flatMap((word, index) => {
    const plain = word.replace(/^(["'])(.*)\1$/, '$2');
    const isValue = WITH_VALUE.has(words[index - 1] ?? '');
    return !isValue && new RegExp(`^${WORD}`).test(plain) ? [plain] : [];
  });
}

/** What to do about a line that is a command for a shell; undefined for a line that is none. */
export function explainShellCommand(line: string): string | undefined {
  const text = line.replace(/^(?:\$\s+|[!%])/, '').replace(/^sudo\s+/, '');
  const [command = '', first = ''] = text.split(/\s+/);
  // `git @ https://…` and `sh>=1` are packages of those names.
  if (!COMMANDS.has(command) || first === '' || /^[@<>=!~;([]/.test(first)) return undefined;
  const packages = installedPackages(line);
  if (packages !== undefined) {
    return packages.length === 0
      ? 'Write the packages alone, one to a line.'
      : `Write the packages alone, one to a line: ${packages.join(', ')}.`;
  }
  const system = /^(?:apt|apt-get|aptitude) install\s+(.+)$/.exec(text);
  if (system !== null) return 'List the packages below build.system_packages in cog.yaml.';
  return 'Remove the line; commands of the build stand below build.run in cog.yaml.';
}

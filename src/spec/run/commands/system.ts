import { INSTALL_RECOMMENDS } from '../../system-packages.ts';
import { notRead, type Outcome, type Rule, type RunState, splitOptions } from '../run-state.ts';

const FLAGS = [
  '-y',
  '--yes',
  '--assume-yes',
  '-q',
  '-qq',
  '--quiet',
  INSTALL_RECOMMENDS,
  '--no-install-recommends',
  '--no-install-suggests',
  '--fix-missing',
  '-f',
  '--fix-broken',
  '--allow-downgrades',
  '--allow-unauthenticated',
  '--reinstall',
  '-V',
  '--only-upgrade',
  '-m',
];
const NAME = /^[a-z0-9][a-z0-9+.-]*(?::[a-z0-9-]+)?(?:[=/][A-Za-z0-9.+~:*_-]+)?$/;

/** What adds a package archive to apt's own: archives are named in cogplan.yaml, each with its key, and their packages locked from there. */
export function tellArchive(state: RunState, what: string): Outcome {
  const text = `${what} of apt is not read: name the archive and its key under archives in cogplan.yaml`;
  if (!state.warnings.some(({ value, where }) => value === text && where === state.where)) state.warn(text);
  return { class: 'none', why: 'archives come from cogplan.yaml' };
}

/** `add-apt-repository`, `apt-key`. */
export const archiveSource: Rule = (state, { name }) => tellArchive(state, `${name}: a package archive`);

/** `apt-get install` and `apt install`: the names are locked with the system packages. */
export const apt: Rule = (state, { words, output }) => {
  if (output !== undefined) return notRead('its output goes to a file');
  const { unknown, operands, values } = splitOptions(words, FLAGS, ['-o', '--option', '-t', '--target-release']);
  const release = (values.get('-t') ?? values.get('--target-release'))?.at(-1);
  if (unknown !== undefined) return notRead(`apt with ${unknown}`);
  const [verb, ...names] = operands.map((operand) => state.concrete(operand));
  switch (verb) {
    case 'update':
    case 'clean':
    case 'autoclean':
    case 'autoremove':
      return { class: 'none', why: 'packages come from the locked archive, and images hold no lists or caches of it' };
    case 'upgrade':
    case 'dist-upgrade':
    case 'full-upgrade':
      return { class: 'none', why: 'locking takes the newest packages of the archive' };
    case 'install': {
      const odd = names.find((name) => !NAME.test(name));
      if (odd !== undefined || names.length === 0)
        return notRead(odd === undefined ? 'it names no package' : `${odd} is not the name of a package`);
      if (words.includes(INSTALL_RECOMMENDS)) {
        state.systemPackages.push({ value: INSTALL_RECOMMENDS, where: state.where });
      }
      const asked = names.map((name) => (release === undefined || /[=/]/.test(name) ? name : `${name}/${release}`));
      for (const value of asked) state.systemPackages.push({ value, where: state.where });
      return { class: 'system', why: `locked with the system packages: ${asked.join(', ')}` };
    }
    default:
      return notRead(`apt ${verb ?? ''}`.trim());
  }
};

import type { Interpreter } from '../../lock/schema.generated.ts';
import type { ResolveInput } from '../families.ts';

/** The standalone interpreter of the lock before, where it is the one that is asked for and no upgrade is. */
export function keptStandalone({ previous, options, spec }: ResolveInput): Interpreter | undefined {
  const locked = previous?.interpreter;
  if (locked?.provider !== 'standalone' || options.mode !== 'keep') return undefined;
  const { value } = spec.pythonVersion;
  const fits = locked.version === value || locked.version.startsWith(`${value}.`);
  return fits && spec.settings.values.interpreter?.builds === undefined ? locked : undefined;
}

import { normalizeName } from '../../formats/python/name.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import { rankTags, rankWheel } from '../../formats/python/wheel-tags.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import type { PythonTargetEnvironment, ResolveInput } from '../families.ts';
import type { Root } from './roots.ts';

/**
 * The server's wheels of the lock before, when they still are what this version of cogplan asks for and fit the target: then
 * nothing has to be looked up. Undefined when they have to be resolved.
 */
export function keptServer(
  { previous, options }: ResolveInput,
  environment: PythonTargetEnvironment,
  roots: readonly Root[],
): readonly PythonPackage[] | undefined {
  if (previous === undefined || options.mode !== 'keep' || options.asOf !== null) return undefined;
  const { server } = previous.runtime;
  const upgraded = (options.upgradePackages ?? []).map(normalizeName);
  if (server.some((item) => upgraded.includes(normalizeName(item.name)))) return undefined;
  if (minorOf(previous.interpreter.version) !== minorOf(environment.version)) return undefined;
  const asked = server.flatMap((item) => item.asked ?? []);
  if (asked.length !== roots.length || !roots.every((root) => asked.includes(root.asked))) return undefined;
  const ranks = rankTags(environment);
  const fits = ({ file }: PythonPackage): boolean => {
    const wheel = parseWheelFilename(decodeURIComponent(file.url.slice(file.url.lastIndexOf('/') + 1)));
    return wheel !== undefined && rankWheel(wheel, ranks) !== undefined;
  };
  return server.every(fits) ? server : undefined;
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

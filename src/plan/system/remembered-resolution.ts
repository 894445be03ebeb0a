import type { Json } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import type { Host } from '../../events.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import { remember } from '../../store/remember.ts';
import type { ResolveInput, SystemResolution } from '../families.ts';

const KIND = 'system-resolution';

/** All that a resolution of the system family follows from. */
export interface ResolutionInputs extends ResolveInput {
  /** The archives' state, by the hashes of their indexes. */
  readonly archives: readonly Archive[];
}

/**
 * A resolution that the store remembers for the same inputs, else what `resolve` gives. The indexes of Debian are large: as long as the
 * archives say that they have not changed, they are not read to come to the same answer again.
 */
export async function rememberResolution(
  { host, store }: { readonly host: Host; readonly store: Pick<Context['store'], 'getDerived' | 'putDerived'> },
  inputs: ResolutionInputs,
  resolve: (host: Host) => Promise<SystemResolution>,
  build?: string,
): Promise<SystemResolution> {
  const heard = listeningTo(host);
  return remember(
    store,
    {
      kind: KIND,
      inputs: inputsOf(inputs),
      // What has to be told again, or fetched, is resolved each time.
      keeps: ({ interpreter }) => !heard.hasTold() && interpreter.provider === 'debian',
      build,
    },
    () => resolve(heard.host),
  );
}

/** The same host, of which is known whether it was told anything but progress. */
function listeningTo(host: Host): { readonly host: Host; readonly hasTold: () => boolean } {
  let told = false;
  return {
    host: {
      ask: (question) => host.ask(question),
      notify: (event) => {
        told ||= event.kind === 'message';
        host.notify(event);
      },
    },
    hasTold: () => told,
  };
}

function inputsOf(inputs: ResolutionInputs): Json {
  const { spec, platform, previous, previousTools = [], options, held, archives } = inputs;
  const key = {
    platform,
    python: spec.pythonVersion,
    packages: spec.systemPackages,
    settings: spec.settings.values,
    options,
    previous: previous === undefined ? null : [previous.base, previous.interpreter, previous.system],
    previousTools,
    held: [...(held?.system ?? [])],
    heldSuite: held?.suite ?? null,
    archives,
  };
  return key as unknown as Json;
}

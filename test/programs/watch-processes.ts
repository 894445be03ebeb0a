import { readdirSync, readFileSync } from 'node:fs';

/** A process below another, in which one of the texts was seen. */
export interface Sighting {
  readonly where: 'cmdline' | 'environ';
  readonly text: string;
  readonly command: string;
}

/**
 * Looks at every process below this one, again and again, for texts that should be nowhere in their command lines and environments. Processes that
 * `isOurs` takes by their command line are left out, not so what they start: what somebody typed or set for a program is there to be read.
 */
export function watchProcesses(
  texts: readonly string[],
  isOurs: (command: string) => boolean,
): { stop(): { readonly seen: readonly Sighting[]; readonly commands: ReadonlySet<string> } } {
  const seen: Sighting[] = [];
  const commands = new Set<string>();
  const look = (pid: number): void => {
    for (const child of childrenOf(pid)) {
      const [command, environment] = [textOf(child, 'cmdline'), textOf(child, 'environ')];
      if (!isOurs(command)) {
        commands.add(command.split('\0')[0] ?? '');
        for (const text of texts) {
          if (command.includes(text)) seen.push({ where: 'cmdline', text, command });
          if (environment.includes(text)) seen.push({ where: 'environ', text, command });
        }
      }
      look(child);
    }
  };
  const timer = setInterval(() => look(process.pid), 5);
  return {
    stop: () => {
      clearInterval(timer);
      return { seen, commands };
    },
  };
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

function textOf(pid: number, name: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

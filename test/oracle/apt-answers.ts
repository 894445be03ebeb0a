import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Context } from '../../src/context.ts';
import { parseControl } from '../../src/formats/debian/control.ts';
import type { PackageRecord } from '../../src/formats/debian/package-record.ts';
import type { Archive } from '../../src/lock/schema.generated.ts';

const run = promisify(execFile);

/** apt's own answers, in a state of its own: indexes of the store, and a dpkg database of packages that are installed. */
export interface AptState {
  /** `name version` of each package that `apt-get install` would fetch, sorted; its last words when it refuses. */
  install(names: readonly string[], options?: { readonly recommended: boolean }): Promise<readonly string[] | string>;
}

export interface AptStateInput {
  readonly directory: string;
  readonly archives: readonly Archive[];
  readonly installed: readonly PackageRecord[];
}

export async function aptState(context: Context, { directory, archives, installed }: AptStateInput): Promise<AptState> {
  for (const path of ['lists/partial', 'cache/archives/partial', 'etc/preferences.d', 'dpkg/info']) {
    mkdirSync(join(directory, path), { recursive: true });
  }
  const stanzas = new Map<string, string>();
  const wanted = new Map(installed.map((record) => [record.file.sha256 as string, record]));
  const sources: string[] = [];
  for (const { url, suite, component, inRelease, packages } of archives) {
    const stem = `${url.replace(/^https?:\/\//, '').replaceAll('/', '_')}_dists_${suite}`;
    const index = await context.store.verified(packages.sha256, packages.size, suite);
    copyFileSync(index, join(directory, 'lists', `${stem}_${component}_binary-amd64_Packages`));
    const release = await context.store.verified(inRelease.sha256, inRelease.size, suite);
    copyFileSync(release, join(directory, 'lists', `${stem}_InRelease`));
    sources.push(`deb [arch=amd64 trusted=yes] ${url} ${suite} ${component}\n`);
    for (const stanza of readFileSync(index, 'utf8').split('\n\n')) {
      const hash = /^SHA256: (.*)$/m.exec(stanza)?.[1] ?? '';
      if (wanted.has(hash)) stanzas.set(hash, stanza);
    }
  }
  const status = [...stanzas.values()].map((stanza) => {
    const kept = parseControl(stanza, 'a stanza')[0] ?? new Map<string, string>();
    const without = new Set(['filename', 'size', 'md5sum', 'sha256', 'description-md5', 'tag']);
    const fields = [...kept].filter(([name]) => !without.has(name));
    return `${fields.map(([name, value]) => `${name}: ${value.replaceAll('\n', '\n ')}`).join('\n')}\nstatus: install ok installed\n`;
  });
  writeFileSync(join(directory, 'status'), status.join('\n'));
  writeFileSync(join(directory, 'sources.list'), sources.join(''));
  const options = {
    'APT::Architecture': 'amd64',
    'APT::Architectures::': 'amd64',
    Dir: `${directory}/`,
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::State::extended_states': join(directory, 'extended'),
    'Dir::Cache': join(directory, 'cache'),
    'Dir::Etc': join(directory, 'etc'),
    'Dir::Etc::sourcelist': join(directory, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Debug::NoLocking': 'true',
  };
  const configured = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return {
    install: async (names, { recommended } = { recommended: false }) => {
      const command = [
        'install',
        `--${recommended ? '' : 'no-'}install-recommends`,
        '--print-uris',
        '-y',
        '-qq',
        ...names,
      ];
      try {
        const { stdout } = await run('apt-get', [...configured, ...command], { maxBuffer: 64 * 1024 * 1024 });
        return stdout
          .split('\n')
          .flatMap((line) => /^'[^']+' (\S+)_([^_]+)_[^_]+\.deb /.exec(line)?.slice(1, 3).join(' ') ?? [])
          .map((item) => item.replaceAll('%3a', ':').replaceAll('%7e', '~').replaceAll('%2b', '+'))
          .sort();
      } catch (error) {
        return (error as { stderr?: string }).stderr ?? String(error);
      }
    },
  };
}

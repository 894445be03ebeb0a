import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { asSha256 } from '../../src/digest.ts';
import { normalizeName } from '../../src/formats/python/name.ts';
import type { WheelEnvironment } from '../../src/formats/python/wheel-tags.ts';
import { fetchArtifacts } from '../../src/sources/fetch-artifacts.ts';
import { targetMarkers } from '../../src/sources/uv/target-interpreter.ts';
import { theUserContext } from '../builders/uv.ts';

/** The pip that is asked, so that every machine asks the same one. */
const PIP = {
  url: 'https://files.pythonhosted.org/packages/07/25/ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/pip-26.3-py3-none-any.whl',
  sha256: asSha256('f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13'),
  size: 1950951,
};

export interface PipQuestion {
  readonly environment: WheelEnvironment;
  /** What follows `pip install`: requirements, indexes. */
  readonly arguments: readonly string[];
}

export interface PickedFile {
  /** Normalised. */
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  /** Absent when the index tells none. */
  readonly sha256?: string;
}

/** What was picked, by name; or the last thing that was said before giving up. */
export type Picked = { readonly files: readonly PickedFile[] } | { readonly failure: string };

/** The files that `pip install --dry-run --report` names, for each question, by one process of pip. */
export async function askPip(questions: readonly PipQuestion[]): Promise<readonly Picked[]> {
  const context = await theUserContext();
  await fetchArtifacts(context, [{ file: PIP, what: 'pip' }]);
  const directory = mkdtempSync(join(tmpdir(), 'cogplan-pip-'));
  try {
    const asked = questions.map(({ environment, arguments: given }, at) => ({
      python: environment.version,
      glibc: environment.glibc,
      machine: targetMarkers(environment).platform_machine,
      arguments: given,
      report: join(directory, `${at}.json`),
      log: join(directory, `${at}.log`),
    }));
    const wheel = join(directory, 'pip-26.3-py3-none-any.whl');
    await context.store.link(PIP.sha256, wheel);
    const statuses = await runPip(wheel, directory, asked).finally(() => context.store.unlink(PIP.sha256, wheel));
    return asked.map(({ report, log }, at) =>
      statuses[at] === 0 && existsSync(report) ? readReport(report) : { failure: lastError(log) },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function runPip(wheel: string, directory: string, questions: unknown): Promise<readonly number[]> {
  const program = fileURLToPath(new URL('pip-install.py', import.meta.url));
  const child = spawn('python3', [program, wheel], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, HOME: directory, TMPDIR: directory },
  });
  child.stdin.end(JSON.stringify(questions));
  return JSON.parse(await textOf(child.stdout)) as readonly number[];
}

function readReport(path: string): Picked {
  const { install } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly install: readonly {
      readonly metadata: { readonly name: string; readonly version: string };
      readonly download_info: {
        readonly url: string;
        readonly archive_info?: { readonly hashes?: { readonly sha256?: string } };
      };
    }[];
  };
  const files = install.map(({ metadata, download_info: { url, archive_info } }): PickedFile => {
    const sha256 = archive_info?.hashes?.sha256;
    const filename = decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
    const picked = { name: normalizeName(metadata.name), version: metadata.version, filename };
    return sha256 === undefined ? picked : { ...picked, sha256 };
  });
  return { files: files.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

function lastError(log: string): string {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : [];
  const errors = lines.filter((line) => /ERROR|Error:/.test(line));
  return (errors.at(-1) ?? lines.at(-2) ?? 'pip said nothing').replace(/^\S+ /, '');
}

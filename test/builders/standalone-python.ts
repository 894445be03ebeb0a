import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HttpTestServer } from '../servers/http-server.ts';

const PYENV = join(process.env.PYENV_ROOT ?? join(process.env.HOME ?? '/root', '.pyenv'), 'versions');

/** Pythons of this machine that were built to be moved: what a standalone build is made of here. */
export function pythonsOfMachine(): readonly string[] {
  return (existsSync(PYENV) ? readdirSync(PYENV) : []).filter((name) => /^3\.\d+\.\d+$/.test(name));
}

/** A build in the layout of python-build-standalone, on the test's server. It finds its library beside itself, as those do. */
export function publishPython(
  server: HttpTestServer,
  directory: string,
  version: string,
): { readonly url: string; readonly sha256: string } {
  const archive = join(directory, `${version}.tar.gz`);
  const root = join(directory, `copy-${version}`, 'python');
  const minor = version.split('.').slice(0, 2).join('.');
  cpSync(join(PYENV, version), root, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !/\/(?:test|__pycache__|idlelib|config-[^/]*)(?:\/|$)/.test(path.slice(PYENV.length)),
  });
  const program = join(root, `bin/python${minor}`);
  const before = join(PYENV, version, 'lib');
  const bytes = readFileSync(program, 'latin1').replaceAll(before, '$ORIGIN/../lib'.padEnd(before.length, '\0'));
  writeFileSync(program, bytes, 'latin1');
  execFileSync('tar', ['-C', join(root, '..'), '-czf', archive, 'python']);
  const content = readFileSync(archive);
  const path = `/builds/cpython-${version}-x86_64-unknown-linux-gnu-install_only.tar.gz`;
  server.answer(path, { body: content });
  return { url: `${server.url}${path}`, sha256: createHash('sha256').update(content).digest('hex') };
}

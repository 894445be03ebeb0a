import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from './measure.mjs';

/** The pip that the peers' image has, from PyPI. */
const PIP = {
  version: '26.3',
  url: 'https://files.pythonhosted.org/packages/07/25/ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/pip-26.3-py3-none-any.whl',
  sha256: 'f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13',
};

/**
 * A root file system as a tar, made once: Debian bookworm with Python 3.11, a virtual environment with a new pip, and the uv that
 * cogplan resolves with. dpkg's unsafe-io is set as in Docker's own Debian images.
 */
export async function pythonBase(workspace, uv) {
  const kept = join(workspace.directory, 'base');
  const tar = join(kept, `bookworm-python3.11-pip${PIP.version}-uv${uv.version}.tar`);
  if (existsSync(tar)) return { tar, pip: PIP.version };
  mkdirSync(kept, { recursive: true });
  const wheel = await fetchPip(kept);
  const inRoot = `/tmp/${basename(wheel)}`;
  const hooks = [
    'chroot "$1" python3.11 -m venv --without-pip /venv',
    `cp '${wheel}' "$1${inRoot}"`,
    `chroot "$1" /venv/bin/python ${inRoot}/pip install --quiet --no-index ${inRoot}`,
    `rm "$1${inRoot}"`,
    `install -m 0755 '${uv.path}' "$1/usr/local/bin/uv"`,
    'echo force-unsafe-io > "$1/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"',
  ];
  const partial = join(kept, 'partial.tar');
  await run('mmdebstrap', [
    ...['--variant=minbase', '--include=python3.11,python3.11-venv,ca-certificates'],
    ...hooks.map((command) => `--customize-hook=${command}`),
    ...['bookworm', partial, 'http://deb.debian.org/debian'],
  ]);
  renameSync(partial, tar);
  return { tar, pip: PIP.version };
}

async function fetchPip(directory) {
  const path = join(directory, basename(PIP.url));
  const response = await fetch(PIP.url);
  const bytes = Buffer.from(await response.arrayBuffer());
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== PIP.sha256) throw new Error(`${PIP.url} has sha256 ${sha256}, not ${PIP.sha256}`);
  writeFileSync(path, bytes);
  return path;
}

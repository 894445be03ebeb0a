import { spawnSync } from 'node:child_process';

/** With the directories of programs for root, which not every user has on the path. */
export const SYSTEM_PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

/** Debian packages of the programs that peers need. */
const PACKAGES = { aria2c: 'aria2', dockerd: 'docker.io', 'dpkg-deb': 'dpkg', mmdebstrap: 'mmdebstrap' };

/** Why a measurement with these programs, as root, cannot be made here; undefined when it can. */
export function whyNotHere(...programs) {
  return process.getuid() === 0 ? whyMissing(...programs) : `needs root (${programs.join(', ')})`;
}

/** Why a measurement with these programs cannot be made here; undefined when it can. */
export function whyMissing(...programs) {
  const missing = programs.find((program) => !isOnPath(program));
  return missing === undefined ? undefined : `${missing} is not installed (Debian package ${PACKAGES[missing]})`;
}

function isOnPath(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`], { env: { ...process.env, PATH: SYSTEM_PATH } }).status === 0;
}

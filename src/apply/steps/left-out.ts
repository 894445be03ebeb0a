const DIRECTORIES = [
  'dev',
  'proc',
  'run',
  'sys',
  'tmp',
  'var/cache',
  'var/lib/apt/lists',
  'var/log',
  'var/tmp',
  'root/.cache/pip',
  'root/.cache/uv',
  'root/.cache/go-build',
  'root/.cache/ccache',
  'root/.ccache',
  'root/.npm/_cacache',
  'root/.npm/_logs',
];
const FILES = new Set([
  'etc/hostname',
  'etc/hosts',
  'etc/mtab',
  'etc/resolv.conf',
  'root/.bash_history',
  'root/.python_history',
  'root/.wget-hsts',
]);

/**
 * What a step leaves that is no part of its outcome: caches, logs, histories, what lies on memory file systems when an image runs, and bytecode, which is
 * made of the final sources.
 */
export function isLeftOut(path: string): boolean {
  if (FILES.has(path) || /(?:^|\/)__pycache__(?:\/|$)/.test(path)) return true;
  return DIRECTORIES.some((directory) => path.startsWith(`${directory}/`));
}

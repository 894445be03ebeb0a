/** A platform that images are made for, as the lock's `targets` names it. */
export type Platform = 'linux/amd64' | 'linux/arm64';

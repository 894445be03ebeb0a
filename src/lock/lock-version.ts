/** The version of the lock's format that this program reads and writes. */
export const LOCK_VERSION = 1;

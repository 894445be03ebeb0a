import type { Command } from '../shell.ts';
import { ACCOUNT_COMMANDS } from './accounts.ts';
import { DEBCONF_COMMANDS } from './debconf.ts';
import { FILE_COMMANDS } from './files.ts';
import { PACKAGING_COMMANDS } from './packaging.ts';
import { READING_COMMANDS } from './reading.ts';
import { SEARCHING_COMMANDS } from './searching.ts';
import { SKIPPED_COMMANDS } from './skipped.ts';

/**
 * Every command whose effect on a fresh installation is known, by name; by `/name` where the program is no command of the
 * standard PATH.
 */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [
    READING_COMMANDS,
    SEARCHING_COMMANDS,
    FILE_COMMANDS,
    PACKAGING_COMMANDS,
    ACCOUNT_COMMANDS,
    DEBCONF_COMMANDS,
    SKIPPED_COMMANDS,
  ].flatMap((table) => Object.entries(table)),
);
